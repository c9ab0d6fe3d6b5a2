#include "contract/golden_file.h"

#include <stdio.h>
#include <stdlib.h>

bool golden_read(const char *name, struct golden *golden)
{
    char path[1024];
    char line[256];
    int length = snprintf(path, sizeof(path), TRIVET_FIXTURES "/%s.hex", name);
    FILE *file = length > 0 && (size_t)length < sizeof(path) ? fopen(path, "r") : NULL;
    if (!file) {
        return false;
    }
    golden->n_bytes = 0;
    while (fgets(line, sizeof(line), file)) {
        for (const char *at = line; line[0] != '#' && at[0] > ' ' && at[1] > ' '; at += 2) {
            char digits[3] = {at[0], at[1], '\0'};
            if (golden->n_bytes == GOLDEN_BYTES_MAX) {
                (void)fclose(file);
                return false;
            }
            golden->bytes[golden->n_bytes++] = (uint8_t)strtoul(digits, NULL, 16);
        }
    }
    return fclose(file) == 0 && golden->n_bytes > 0;
}
