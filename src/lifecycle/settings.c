#include "lifecycle/settings.h"

#include "base/buffer.h"
#include "wire/codec.h"

enum trivet_status trivet_model_settings_read(struct trivet_store *store,
                                              struct trivet_arena *arena, const char *model,
                                              Trivet__V1__ModelSettings **out,
                                              struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    ProtobufCMessage *message = NULL;
    enum trivet_status status = trivet_store_settings_get(store, model, &bytes, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__model_settings__descriptor, arena, bytes.data,
                                     bytes.n_bytes, &message, err);
    }
    trivet_buffer_release(&bytes);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__ModelSettings *)message;
    }
    return status;
}
