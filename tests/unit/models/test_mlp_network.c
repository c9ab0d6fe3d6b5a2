/* Networks: gradients against differences, steps against scikit-learn's. */
#include "models/mlp_network.h"

#include "base/alloc.h"
#include "models/mlp_train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define REFERENCE_ROWS     20
#define REFERENCE_FEATURES 3

/* Of scikit-learn 1.2.1 (MLPRegressor, MLPClassifier): hidden_layer_sizes=(4, 2), shuffle=False,
 * batch_size=4, alpha=0.1, learning_rate_init=0.01, tol=0, two epochs of five batches from the data
 * and weights of reference_init, by warm_start with coefs_ and intercepts_ set. W[0], b[0], W[1] …
 * after ten steps, and both losses. sgd: invscaling with learning_rate_init=0.1, power_t=0.5;
 * momentum 0.9 without Nesterov's. */
static const double adam_value[29] = {
    0.59455930766303489,  0.53981468521387654,  -0.36032956930611587, -0.49287894584837844,
    -0.13657885162615721, 0.46595996787264732,  0.43247207658128639,  -0.46568083992661208,
    -0.49904745794023991, 0.015565430745729051, 0.60893779588113983,  0.19509683851405998,
    0.30036475924253014,  0.22299590076921341,  -0.14345028863877593, -0.084096910277280029,
    0.64453491995749435,  -0.19222316842447354, -0.49565619882985412, -0.32241596270339518,
    0.37569334718115055,  0.57707411494672001,  -0.31523490518326391, -0.5029444184592613,
    0.20901202561188498,  -0.16291157770284892, 0.18460717060756202,  -0.64924953678930208,
    0.015153424556426423,
};
static const double adam_value_losses[2] = {
    0.98244064917202556,
    0.79868501159709326,
};
static const double adam_binary[29] = {
    0.40630615311333212,   0.34834047036090843,    -0.16785157774319726, -0.49015091622557677,
    -0.011010477308893195, 0.46339365204325134,    0.25355796234519873,  -0.27879870118339856,
    -0.45249358491924035,  -0.0097321473636500268, 0.49471381620180022,  0.14208368526727444,
    0.30089898479648114,   0.22180561023551942,    -0.14077337201634976, -0.083097450676339377,
    0.45006701046953757,   -0.19217887800270483,   -0.49608253064888985, -0.32086956239580938,
    0.37837999828879526,   0.38044947027358589,    -0.12000551578626016, -0.52067820014533506,
    0.20945417174600431,   -0.16297214427099899,   0.1840521614225212,   -0.45096619746452421,
    0.01609528464082581,
};
static const double adam_binary_losses[2] = {
    0.80264123388310327,
    0.7609964795404196,
};
static const double adam_classes[35] = {
    0.44177012073537647,    0.42818923856829372,   -0.26733521529925081,  -0.52997088927048397,
    -0.0095510006385716491, 0.52370624111058561,   0.35989866610076754,   -0.32933868070149014,
    -0.55683217347223157,   0.090060140379361081,  0.53243782853391419,   0.22284687676034587,
    0.19682185117272463,    0.11307464577230622,   -0.018935478010715996, -0.17104886518558177,
    0.53057848792981588,    -0.022159862646774709, -0.55680115941480346,  -0.14253477196616163,
    0.43215499406541213,    0.42698680917686138,   -0.20410566560167234,  -0.52888316213850251,
    0.089624299665458956,   -0.057456506293369319, 0.038078910895641409,  -0.48480819112882367,
    -0.36842888748105029,   0.26107073214032245,   0.48452304794225165,   -0.039766988001878369,
    -0.097929947876398124,  -0.17102411879531068,  -0.18409306403986653,
};
static const double adam_classes_losses[2] = {
    1.1648365067612367,
    1.1524770280037968,
};
static const double nesterov_classes[35] = {
    0.42564628710018443,   0.42682540703710692,   -0.23675824907771617,  -0.5683429545004739,
    0.0057358014165404987, 0.4630058728079729,    0.35392102920832791,   -0.34478208182655662,
    -0.53695813090520095,  0.12651450978750445,   0.49492675286475207,   0.24789785519347454,
    0.17931639440638789,   0.14146027470395056,   -0.037910266526753167, -0.19330508838267024,
    0.49544881450340977,   -0.016081092214392686, -0.52039002123701816,  -0.18176866987368143,
    0.44047444681817199,   0.37754061393371152,   -0.21087797152399446,  -0.59653877731881877,
    0.069712094851519427,  -0.015966193063611921, 0.038038168721303681,  -0.45374751740806268,
    -0.35739280855867289,  0.31310522346859004,   0.48895690733559366,   -0.0082312388413023612,
    -0.14059103100956225,  -0.072634281348560412, -0.22238923036410743,
};
static const double momentum_value[29] = {
    0.52336341519675944,   0.4562025099533159,   -0.30666843516212428, -0.52586559586452908,
    -0.062238313386475654, 0.54989716653119736,  0.37074309803324684,  -0.40164049547003122,
    -0.55240673682804109,  0.075168104925143808, 0.60092352023993323,  0.21866831770480152,
    0.24515390033857798,   0.15073449155790286,  -0.13119602656170951, -0.067519702124648764,
    0.5613432387167423,    -0.2119592970480888,  -0.58272422287041892, -0.26292417209925517,
    0.45642522007835762,   0.55542752437740583,  -0.23189571893756386, -0.51006840490963312,
    0.14566040958979165,   -0.27469909064982301, 0.16295491325101261,  -0.61344863924323378,
    0.29370528788831057,
};

struct reference {
    double x[REFERENCE_ROWS * REFERENCE_FEATURES];
    double y[REFERENCE_ROWS];
    struct trivet_mlp_network network;
    struct trivet_mlp_settings settings;
};

static void reference_weights(struct trivet_mlp_network *network)
{
    for (size_t l = 0; l < network->n_layers; l++) {
        double *weights = &network->parameters[network->weights[l]];
        double *biases = &network->parameters[network->biases[l]];
        for (size_t k = 0; k < network->widths[l] * network->widths[l + 1]; k++) {
            weights[k] = 0.6 * sin(1.3 * (double)k + (double)l + 1.0);
        }
        for (size_t k = 0; k < network->widths[l + 1]; k++) {
            biases[k] = 0.2 * cos(0.9 * (double)k + (double)l);
        }
    }
}

static void reference_init(struct reference *reference, enum trivet_mlp_activation activation,
                           enum trivet_mlp_output output)
{
    static const struct trivet_int_list hidden = {.n_items = 2, .items = {4, 2}};
    for (size_t i = 0; i < REFERENCE_ROWS; i++) {
        double *row = &reference->x[i * REFERENCE_FEATURES];
        for (size_t j = 0; j < REFERENCE_FEATURES; j++) {
            row[j] = sin(1.7 * (double)i + 2.3 * (double)j + 0.5);
        }
        double value = row[0] - 2.0 * row[1] * row[2] + 0.3;
        reference->y[i] = value;
        if (output == TRIVET_MLP_BINARY) {
            reference->y[i] = value > 0.3 ? 1.0 : 0.0;
        } else if (output == TRIVET_MLP_CLASSES) {
            reference->y[i] = (double)(i % 3);
        }
    }
    assert_int_equal(trivet_mlp_network_init(&reference->network, activation, output,
                                             REFERENCE_FEATURES, &hidden, 3, NULL),
                     TRIVET_OK);
    reference_weights(&reference->network);
    reference->settings = (struct trivet_mlp_settings){
        .solver = TRIVET_MLP_ADAM,
        .learning_rate = 0.01,
        .power_t = 0.5,
        .momentum = 0.9,
        .beta_1 = 0.9,
        .beta_2 = 0.999,
        .epsilon = 1e-8,
        .alpha = 0.1,
        .batch_size = 4,
        .epochs = 2,
        .n_iter_no_change = 10,
    };
}

static void reference_train(struct reference *reference, struct trivet_mlp_outcome *outcome)
{
    struct trivet_fit_context context = {0};
    struct trivet_error err = {0};
    struct trivet_rng rng;
    struct trivet_fit_data data = {
        {reference->x, REFERENCE_ROWS, REFERENCE_FEATURES, REFERENCE_FEATURES},
        reference->y,
        reference->network.output == TRIVET_MLP_VALUE ? 0 : 3};
    trivet_rng_seed(&rng, 1);
    assert_int_equal(trivet_mlp_train(&reference->network, &reference->settings, &data, &context,
                                      &rng, outcome, &err),
                     TRIVET_OK);
}

/* Trains, and compares all parameters and, when given, the losses. Takes the network. */
static void reference_check(struct reference *reference, const double *parameters,
                            const double *losses)
{
    struct trivet_mlp_network *network = &reference->network;
    struct trivet_mlp_outcome outcome = {0};
    reference_train(reference, &outcome);
    assert_int_equal(outcome.n_epochs, 2);
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t n_weights = network->widths[l] * network->widths[l + 1];
        for (size_t k = 0; k < n_weights + network->widths[l + 1]; k++) {
            size_t at =
                k < n_weights ? network->weights[l] + k : network->biases[l] + k - n_weights;
            double got = network->parameters[at];
            if (!(fabs(got - *parameters) <= 1e-10)) {
                fail_msg("layer %zu, number %zu: %.17g, not %.17g", l, k, got, *parameters);
            }
            parameters++;
        }
    }
    for (size_t e = 0; losses != NULL && e < 2; e++) {
        assert_true(fabs(outcome.loss_curve[e] - losses[e]) <= 1e-10);
    }
    trivet_free(outcome.loss_curve);
    trivet_mlp_network_release(network);
}

static void ten_adam_steps(void **state)
{
    (void)state;
    struct reference reference;
    reference_init(&reference, TRIVET_MLP_TANH, TRIVET_MLP_VALUE);
    reference_check(&reference, adam_value, adam_value_losses);
    reference_init(&reference, TRIVET_MLP_LOGISTIC, TRIVET_MLP_BINARY);
    reference_check(&reference, adam_binary, adam_binary_losses);
    reference_init(&reference, TRIVET_MLP_RELU, TRIVET_MLP_CLASSES);
    reference_check(&reference, adam_classes, adam_classes_losses);
}

static void ten_sgd_steps(void **state)
{
    (void)state;
    struct reference reference;
    reference_init(&reference, TRIVET_MLP_TANH, TRIVET_MLP_CLASSES);
    reference.settings.solver = TRIVET_MLP_SGD;
    reference.settings.schedule = TRIVET_MLP_INVERSE_SCALING;
    reference.settings.learning_rate = 0.1;
    reference.settings.nesterov = true;
    reference_check(&reference, nesterov_classes, NULL);
    reference_init(&reference, TRIVET_MLP_IDENTITY, TRIVET_MLP_VALUE);
    reference.settings.solver = TRIVET_MLP_SGD;
    reference_check(&reference, momentum_value, NULL);
}

/* As many epochs as scikit-learn: MLPRegressor(tol=1e-3, n_iter_no_change=3), and
 * MLPClassifier(solver="sgd", learning_rate="adaptive", learning_rate_init=0.1, tol=1e-2,
 * n_iter_no_change=2), both tanh and the rest as above; n_iter_, and the last of loss_curve_. */
static void stops_when_nothing_improves(void **state)
{
    (void)state;
    static const double last_loss[2] = {0.18199625721713933, 1.1011830041199535};
    for (size_t i = 0; i < 2; i++) {
        struct reference reference;
        struct trivet_mlp_outcome outcome = {0};
        reference_init(&reference, TRIVET_MLP_TANH, i == 0 ? TRIVET_MLP_VALUE : TRIVET_MLP_CLASSES);
        reference.settings.epochs = 500;
        reference.settings.tol = i == 0 ? 1e-3 : 1e-2;
        reference.settings.n_iter_no_change = i == 0 ? 3 : 2;
        if (i == 1) {
            reference.settings.solver = TRIVET_MLP_SGD;
            reference.settings.schedule = TRIVET_MLP_ADAPTIVE;
            reference.settings.nesterov = true;
            reference.settings.learning_rate = 0.1;
        }
        reference_train(&reference, &outcome);
        assert_true(outcome.converged);
        assert_int_equal(outcome.n_epochs, i == 0 ? 27 : 31);
        assert_true(fabs(outcome.loss_curve[outcome.n_epochs - 1] - last_loss[i]) <= 1e-10);
        assert_true(i == 0 || fabs(outcome.learning_rate / 2.56e-7 - 1.0) <= 1e-12);
        trivet_free(outcome.loss_curve);
        trivet_mlp_network_release(&reference.network);
    }
}

/* Central differences of the summed loss, for every parameter. */
static void check_gradient(enum trivet_mlp_activation activation, enum trivet_mlp_output output,
                           double dropout)
{
    const double h = 1e-5;
    struct reference reference;
    struct trivet_mlp_scratch scratch;
    struct trivet_rng rng;
    double gradient[256];
    reference_init(&reference, activation, output);
    struct trivet_mlp_network *network = &reference.network;
    struct trivet_const_matrix x = {reference.x, REFERENCE_ROWS, REFERENCE_FEATURES,
                                    REFERENCE_FEATURES};
    assert_int_equal(trivet_mlp_scratch_init(&scratch, network, REFERENCE_ROWS, dropout, NULL),
                     TRIVET_OK);
    trivet_rng_seed(&rng, 3);
    assert_true(trivet_mlp_gradient(network, &scratch, x, reference.y, &rng) > 0.0);
    assert_true(network->n_parameters <= 256);
    memcpy(gradient, scratch.gradient, network->n_parameters * sizeof(double));
    double norm = 0.0;
    double wrong = 0.0;
    for (size_t k = 0; k < network->n_parameters; k++) {
        double kept = network->parameters[k];
        trivet_rng_seed(&rng, 3); /* the same units are left out */
        network->parameters[k] = kept + h;
        double above = trivet_mlp_gradient(network, &scratch, x, reference.y, &rng);
        trivet_rng_seed(&rng, 3);
        network->parameters[k] = kept - h;
        double below = trivet_mlp_gradient(network, &scratch, x, reference.y, &rng);
        network->parameters[k] = kept;
        norm += gradient[k] * gradient[k];
        wrong += pow((above - below) / (2.0 * h) - gradient[k], 2.0);
    }
    assert_true(norm > 0.01);
    if (!(sqrt(wrong) <= 1e-6 * sqrt(norm))) {
        fail_msg("activation %d, output %d: gradient off by %g of %g", (int)activation, (int)output,
                 sqrt(wrong), sqrt(norm));
    }
    trivet_mlp_scratch_release(&scratch);
    trivet_mlp_network_release(network);
}

static void gradient_against_differences(void **state)
{
    (void)state;
    for (int activation = TRIVET_MLP_RELU; activation <= TRIVET_MLP_IDENTITY; activation++) {
        for (int output = TRIVET_MLP_VALUE; output <= TRIVET_MLP_CLASSES; output++) {
            check_gradient((enum trivet_mlp_activation)activation, (enum trivet_mlp_output)output,
                           0.0);
            check_gradient((enum trivet_mlp_activation)activation, (enum trivet_mlp_output)output,
                           0.4);
        }
    }
}

static void activations_against_libm(void **state)
{
    (void)state;
    static const double at[] = {-800.0, -40.0, -3.0, -1e-3, -1e-9, 0.0,
                                1e-9,   0.3,   2.0,  20.0,  800.0};
    const double zero = 0.0;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(at); i++) {
        double z = at[i];
        trivet_mlp_activate(TRIVET_MLP_TANH, &z, 1, 1, &zero);
        assert_true(fabs(z - tanh(at[i])) <= 1e-15);
        z = at[i];
        trivet_mlp_activate(TRIVET_MLP_LOGISTIC, &z, 1, 1, &zero);
        assert_true(fabs(z - 1.0 / (1.0 + exp(-at[i]))) <= 1e-15 * z + 1e-300);
        double pair[2] = {at[i], 0.0};
        const double zeros[2] = {0.0, 0.0};
        trivet_mlp_softmax(pair, 1, 2, 2, zeros);
        assert_true(fabs(pair[0] - z) <= 1e-15 && fabs(pair[0] + pair[1] - 1.0) <= 1e-15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_adam_steps),
        cmocka_unit_test(ten_sgd_steps),
        cmocka_unit_test(stops_when_nothing_improves),
        cmocka_unit_test(gradient_against_differences),
        cmocka_unit_test(activations_against_libm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
