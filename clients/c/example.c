/* Predict two rows with a deployed model.
 *
 *     cc example.c $(pkg-config --cflags --libs trivet) -o example
 *     ./example tcp://127.0.0.1:7600 houses 120 4  75 2
 *
 * The numbers are rows of as many columns as the model has inputs. */
#include <trivet/client.h>

#include <stdio.h>
#include <stdlib.h>

#define NUMBERS_MAX 64
#define N_ROWS      2

int main(int argc, char **argv)
{
    int n_numbers = argc - 3;
    if (n_numbers < N_ROWS || n_numbers > NUMBERS_MAX || n_numbers % N_ROWS != 0) {
        fprintf(stderr, "usage: %s URL MODEL NUMBERS-OF-ROW-1 NUMBERS-OF-ROW-2\n", argv[0]);
        return 2;
    }
    double x[NUMBERS_MAX];
    for (int i = 0; i < n_numbers; i++) {
        x[i] = strtod(argv[3 + i], NULL);
    }

    struct trivet_error error = {TRIVET_OK, "", 0, {{"", ""}}};
    struct trivet_client_options options = {.url = argv[1]};
    struct trivet_client *client = NULL;
    double y[N_ROWS];
    size_t n_failed = 0;
    uint64_t version = 0;
    enum trivet_status status = trivet_client_open(&options, &client, &error);
    if (status == TRIVET_OK) {
        status = trivet_client_predict(client, argv[2], 0, x, N_ROWS, (size_t)n_numbers / N_ROWS, y,
                                       &n_failed, &version, &error);
    }
    trivet_client_close(client);
    if (status != TRIVET_OK) {
        fprintf(stderr, "%s: %s\n", trivet_status_name(status), error.message);
        return 1;
    }
    printf("version %llu: %g %g (%zu failed)\n", (unsigned long long)version, y[0], y[1], n_failed);
    return 0;
}
