// The gRPC peer: the same prediction on the same messages.
//   grpc_server ADDRESS MODEL-FILE sync|callback
// ADDRESS as gRPC has it: unix:/PATH or 127.0.0.1:PORT. A sync server has at most THREADS threads
// for calls. The callback API's are gRPC's own affair: half as many as cores, at least two.
#include "bench/wire/grpc_model.hh"
#include "peer.grpc.pb.h"

#include <cstring>
#include <grpcpp/grpcpp.h>
#include <memory>

using trivet::bench::Peer;
using trivet::v1::PredictRequest;
using trivet::v1::PredictResponse;

static grpc::Status predict(const Model &model, const PredictRequest &request,
                            PredictResponse *response)
{
    const auto &matrix = request.matrix();
    std::size_t n_cols = model.coefficients.size();
    if (matrix.cols() != n_cols ||
        static_cast<std::size_t>(matrix.f64_size()) != matrix.rows() * n_cols) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "wrong width"};
    }
    response->set_model(request.model().name());
    response->set_version(model.version);
    response->set_rows(matrix.rows());
    auto *output = response->add_outputs();
    output->set_name("prediction");
    output->set_cols(1);
    output->mutable_f64()->Resize(static_cast<int>(matrix.rows()), 0.0);
    double *values = output->mutable_f64()->mutable_data();
    const double *rows = matrix.f64().data();
    for (std::size_t i = 0; i < matrix.rows(); i++) {
        values[i] = model.predict(rows + i * n_cols);
    }
    return grpc::Status::OK;
}

class Sync final : public Peer::Service
{
  public:
    explicit Sync(const Model &model) : model(model)
    {
    }
    grpc::Status Predict(grpc::ServerContext *, const PredictRequest *request,
                         PredictResponse *response) override
    {
        return predict(model, *request, response);
    }
    grpc::Status Stream(grpc::ServerContext *,
                        grpc::ServerReaderWriter<PredictResponse, PredictRequest> *stream) override
    {
        PredictRequest request;
        PredictResponse response;
        while (stream->Read(&request)) {
            response.Clear();
            grpc::Status status = predict(model, request, &response);
            if (!status.ok()) {
                return status;
            }
            stream->Write(response);
        }
        return grpc::Status::OK;
    }

  private:
    const Model &model;
};

class Callback final : public Peer::CallbackService
{
  public:
    explicit Callback(const Model &model) : model(model)
    {
    }
    grpc::ServerUnaryReactor *Predict(grpc::CallbackServerContext *context,
                                      const PredictRequest *request,
                                      PredictResponse *response) override
    {
        auto *reactor = context->DefaultReactor();
        reactor->Finish(predict(model, *request, response));
        return reactor;
    }

  private:
    const Model &model;
};

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::fprintf(stderr, "usage: grpc_server ADDRESS MODEL-FILE sync|callback\n");
        return 2;
    }
    Model model(argv[2]);
    Sync sync(model);
    Callback callback(model);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(16 << 20);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
    if (std::strcmp(argv[3], "sync") == 0) {
        builder.RegisterService(&sync);
    } else {
        builder.RegisterService(&callback);
    }
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server) {
        return 2;
    }
    std::printf("ready listen=%s\n", argv[1]);
    std::fflush(stdout);
    server->Wait();
    return 0;
}
