#include "linalg/blas.h"

#include "base/compiler.h"
#include "base/text.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

/* Instruction sets by what OpenBLAS's kernels use of them. */
enum level {
    LEVEL_BASE,
    LEVEL_AVX,
    LEVEL_AVX2,
    LEVEL_AVX512,
};

static const char *const level_names[] = {"SSE", "AVX", "AVX2", "AVX-512"};

static enum level kernel_level(const char *kernel)
{
    static const struct {
        const char *kernel;
        enum level level;
    } known[] = {
        {"SkylakeX", LEVEL_AVX512}, {"Cooperlake", LEVEL_AVX512}, {"SapphireRapids", LEVEL_AVX512},
        {"Haswell", LEVEL_AVX2},    {"Zen", LEVEL_AVX2},          {"Excavator", LEVEL_AVX2},
        {"Sandybridge", LEVEL_AVX}, {"Bulldozer", LEVEL_AVX},     {"Piledriver", LEVEL_AVX},
        {"Steamroller", LEVEL_AVX},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(known); i++) {
        if (strcasecmp(kernel, known[i].kernel) == 0) {
            return known[i].level;
        }
    }
    return LEVEL_BASE;
}

static enum level cpu_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    /* The four sets that OpenBLAS asks for before it takes a SkylakeX kernel. */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return LEVEL_AVX512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return LEVEL_AVX2;
    }
    if (__builtin_cpu_supports("avx")) {
        return LEVEL_AVX;
    }
#endif
    return LEVEL_BASE;
}

void trivet_blas_init(void)
{
    openblas_set_num_threads(1);
}

void trivet_blas_set_threads(unsigned n_threads)
{
    openblas_set_num_threads((int)n_threads);
}

const char *trivet_blas_kernel(void)
{
    return openblas_get_corename();
}

const char *trivet_blas_description(void)
{
    return openblas_get_config();
}

bool trivet_blas_is_below_cpu(char *advice, size_t advice_bytes)
{
    const char *kernel = trivet_blas_kernel();
    enum level used = kernel_level(kernel);
    enum level offered = cpu_level();
    const char *forced = getenv("OPENBLAS_CORETYPE");
    if (used >= offered) {
        return false;
    }
    if (forced != NULL && forced[0] != '\0') {
        trivet_text_format(advice, advice_bytes,
                           "BLAS kernel %s (%s) was forced by OPENBLAS_CORETYPE=%s, but the CPU "
                           "has %s; unset the variable to go faster",
                           kernel, level_names[used], forced, level_names[offered]);
    } else {
        trivet_text_format(advice, advice_bytes,
                           "BLAS kernel %s uses %s, but the CPU has %s; a build of OpenBLAS with "
                           "dynamic kernels goes faster",
                           kernel, level_names[used], level_names[offered]);
    }
    return true;
}
