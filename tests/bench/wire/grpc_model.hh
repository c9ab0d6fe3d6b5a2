// The linear model of both ends of the gRPC peer, out of the file that the load generator reads.
#ifndef TESTS_BENCH_GRPC_MODEL_H
#define TESTS_BENCH_GRPC_MODEL_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

struct Model {
    std::uint64_t version = 0;
    double intercept = 0;
    std::vector<double> coefficients;

    explicit Model(const char *path)
    {
        std::ifstream file(path);
        std::string kind;
        std::size_t n = 0;
        if (!(file >> kind >> version >> n >> intercept) || kind != "linear" || n == 0) {
            std::fprintf(stderr, "%s: no linear model\n", path);
            std::exit(2);
        }
        coefficients.resize(n);
        for (double &value : coefficients) {
            file >> value;
        }
    }

    double predict(const double *row) const
    {
        double sum = intercept;
        for (std::size_t j = 0; j < coefficients.size(); j++) {
            sum += coefficients[j] * row[j];
        }
        return sum;
    }
};

#endif
