// Load for the gRPC peer, in the words of the load generator; every answer is checked.
//   grpc_client ADDRESS MODEL-FILE unary|pipelined|stream ROWS WINDOW SECONDS PID [CONNECTIONS]
// unary: blocking calls, one after the other; pipelined: WINDOW calls of the callback API in
// flight, over CONNECTIONS channels, each in its turn when there are more of them than calls;
// stream: WINDOW messages of one stream in flight.
#include "bench/wire/grpc_model.hh"
#include "peer.grpc.pb.h"

extern "C" {
#include "bench/wire/latency.h"
}

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

using trivet::bench::Peer;
using trivet::v1::PredictRequest;
using trivet::v1::PredictResponse;

static constexpr double WARM_UP_S = 0.3;
static constexpr std::size_t N_VARIANTS = 64;

static std::int64_t now_ns()
{
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

struct Variant {
    PredictRequest request;
    std::vector<double> expected;
};

class Run
{
  public:
    Run(const Model &model, std::size_t n_rows, std::size_t window, double seconds, int pid)
        : n_rows(n_rows), window(window), pid(pid), version(model.version)
    {
        std::mt19937_64 source(7);
        std::uniform_real_distribution<double> uniform(-1, 1);
        std::size_t n_cols = model.coefficients.size();
        variants.resize(window < N_VARIANTS ? window : N_VARIANTS);
        for (Variant &variant : variants) {
            auto *matrix = variant.request.mutable_matrix();
            variant.request.mutable_model()->set_name("linear");
            matrix->set_rows(static_cast<std::uint32_t>(n_rows));
            matrix->set_cols(static_cast<std::uint32_t>(n_cols));
            for (std::size_t k = 0; k < n_rows * n_cols; k++) {
                matrix->add_f64(uniform(source));
            }
            for (std::size_t i = 0; i < n_rows; i++) {
                variant.expected.push_back(model.predict(matrix->f64().data() + i * n_cols));
            }
        }
        counts_from = now_ns() + static_cast<std::int64_t>(WARM_UP_S * 1e9);
        ends = counts_from + static_cast<std::int64_t>(seconds * 1e9);
    }

    const Variant &variant(std::size_t k) const
    {
        return variants[k % variants.size()];
    }

    bool goes_on() const
    {
        return now_ns() < ends;
    }

    // Takes in one answer. Any thread.
    void take(std::size_t k, bool fine, const PredictResponse &response, std::int64_t started)
    {
        std::int64_t now = now_ns();
        bool right = fine && is_right(variant(k), response);
        std::lock_guard<std::mutex> guard(lock);
        failed += fine ? 0 : 1;
        wrong += fine && !right ? 1 : 0;
        if (now >= counts_from && now < ends) {
            if (found.n == 0) {
                cpu_before = process_cpu_s(pid);
                own_before = own_cpu_s();
            }
            latency_add(&found, now - started);
            last = now;
        }
    }

    int show(const char *mode, std::size_t n_connections)
    {
        double calls = static_cast<double>(found.n), of_call = calls > 0 ? 1e6 / calls : 0;
        double seconds = static_cast<double>(ends - counts_from) / 1e9;
        std::printf(
            "load mode=%s connections=%zu window=%zu rows=%zu calls=%.0f seconds=%.3f "
            "p50_us=%.2f p99_us=%.2f p999_us=%.2f mean_us=%.2f calls_per_s=%.0f "
            "rows_per_s=%.0f server_cpu_us=%.3f client_cpu_us=%.3f server_rss=%llu "
            "failed=%llu wrong=%llu\n",
            mode, n_connections, window, n_rows, calls, seconds, latency_quantile_us(&found, 0.5),
            latency_quantile_us(&found, 0.99), latency_quantile_us(&found, 0.999),
            latency_mean_us(&found), calls / seconds, calls / seconds * static_cast<double>(n_rows),
            (process_cpu_s(pid) - cpu_before) * of_call, (own_cpu_s() - own_before) * of_call,
            static_cast<unsigned long long>(process_rss_bytes(pid)),
            static_cast<unsigned long long>(failed), static_cast<unsigned long long>(wrong));
        return failed + wrong > 0 ? 1 : found.n > 0 ? 0 : 2;
    }

    const std::size_t n_rows, window;

  private:
    bool is_right(const Variant &variant, const PredictResponse &response) const
    {
        if (response.outputs_size() != 1 || response.version() != version ||
            static_cast<std::size_t>(response.outputs(0).f64_size()) != n_rows) {
            return false;
        }
        for (std::size_t i = 0; i < n_rows; i++) {
            double value = response.outputs(0).f64(static_cast<int>(i));
            double wanted = variant.expected[i];
            if (!(std::fabs(value - wanted) <= 1e-9 * (1 + std::fabs(wanted)))) {
                return false;
            }
        }
        return true;
    }

    const int pid;
    const std::uint64_t version;
    std::vector<Variant> variants;
    std::int64_t counts_from, ends, last = 0;
    std::mutex lock;
    struct latency found = {};
    std::uint64_t failed = 0, wrong = 0;
    double cpu_before = 0, own_before = 0;
};

static void run_unary(Run &run, Peer::Stub &stub)
{
    for (std::size_t k = 0; run.goes_on(); k++) {
        grpc::ClientContext context;
        PredictResponse response;
        std::int64_t started = now_ns();
        bool fine = stub.Predict(&context, run.variant(k).request, &response).ok();
        run.take(k, fine, response, started);
    }
}

using Stubs = std::vector<std::unique_ptr<Peer::Stub>>;

// One of the calls in flight: when it is answered, it is made again.
struct Call {
    Run *run;
    const Stubs *stubs;
    std::atomic<std::size_t> *left;
    std::size_t k, n_made = 0;
    std::unique_ptr<grpc::ClientContext> context;
    PredictResponse response;
    std::int64_t started;

    void start()
    {
        context = std::make_unique<grpc::ClientContext>();
        response.Clear();
        started = now_ns();
        auto &stub = (*stubs)[(k + n_made++ * run->window) % stubs->size()];
        stub->async()->Predict(context.get(), &run->variant(k).request, &response,
                               [this](grpc::Status status) {
                                   run->take(k, status.ok(), response, started);
                                   if (run->goes_on()) {
                                       start();
                                   } else {
                                       left->fetch_sub(1);
                                   }
                               });
    }
};

static void run_pipelined(Run &run, const Stubs &stubs)
{
    std::atomic<std::size_t> left{run.window};
    std::vector<Call> calls(run.window);
    for (std::size_t k = 0; k < run.window; k++) {
        calls[k].run = &run;
        calls[k].stubs = &stubs;
        calls[k].left = &left;
        calls[k].k = k;
        calls[k].start();
    }
    while (left.load() > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

static void run_stream(Run &run, Peer::Stub &stub)
{
    grpc::ClientContext context;
    auto stream = stub.Stream(&context);
    std::vector<std::int64_t> started(run.window);
    std::mutex lock;
    std::condition_variable has_room;
    std::size_t n_sent = 0, n_read = 0;
    bool ended = false;
    std::thread reader([&] {
        PredictResponse response;
        while (stream->Read(&response)) {
            std::int64_t at = 0;
            {
                std::lock_guard<std::mutex> guard(lock);
                at = started[n_read % run.window];
            }
            run.take(n_read % run.window, true, response, at);
            std::lock_guard<std::mutex> guard(lock);
            n_read++;
            has_room.notify_one();
        }
        std::lock_guard<std::mutex> guard(lock);
        ended = true;
        has_room.notify_one();
    });
    for (bool fine = true; fine && run.goes_on();) {
        std::size_t k = 0;
        {
            std::unique_lock<std::mutex> guard(lock);
            has_room.wait(guard, [&] { return n_sent - n_read < run.window || ended; });
            k = n_sent++ % run.window;
            started[k] = now_ns();
            fine = !ended;
        }
        fine = fine && stream->Write(run.variant(k).request);
    }
    stream->WritesDone();
    reader.join();
    if (!stream->Finish().ok() || n_read != n_sent) {
        run.take(0, false, PredictResponse(), 0);
    }
}

// All are connected before anything counts.
static Stubs connect(const char *address, std::size_t n_connections)
{
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    Stubs stubs;
    for (std::size_t k = 0; k < n_connections; k++) {
        grpc::ChannelArguments arguments;
        arguments.SetMaxReceiveMessageSize(16 << 20);
        // Else all channels of one address share a connection.
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        channels.push_back(
            grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
        channels.back()->GetState(true);
        stubs.push_back(Peer::NewStub(channels.back()));
    }
    auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(30);
    for (auto &channel : channels) {
        if (!channel->WaitForConnected(deadline)) {
            std::fprintf(stderr, "grpc_client: no connection to %s\n", address);
            std::exit(2);
        }
    }
    return stubs;
}

int main(int argc, char **argv)
{
    if (argc < 8) {
        std::fprintf(stderr, "usage: grpc_client ADDRESS MODEL-FILE unary|pipelined|stream ROWS "
                             "WINDOW SECONDS PID [CONNECTIONS]\n");
        return 2;
    }
    Model model(argv[2]);
    const char *mode = argv[3];
    std::size_t n_connections = argc > 8 ? std::strtoul(argv[8], nullptr, 10) : 1;
    Stubs stubs = connect(argv[1], n_connections);
    Run run(model, std::strtoul(argv[4], nullptr, 10), std::strtoul(argv[5], nullptr, 10),
            std::strtod(argv[6], nullptr), std::atoi(argv[7]));
    if (std::strcmp(mode, "unary") == 0) {
        run_unary(run, *stubs[0]);
    } else if (std::strcmp(mode, "pipelined") == 0) {
        run_pipelined(run, stubs);
    } else {
        run_stream(run, *stubs[0]);
    }
    return run.show(mode, n_connections);
}
