#include "http/kept_fields.h"

namespace otto::http {

KeptFields KeptFields::of_request(const RequestHead& request, const ForwardingContext& context) {
    return {.trailer = !request.body_length() && !context.drop_trailers,
            .host = true,
            .forwarding = context.trusted,
            .max_forwards = request.method != Method::options,
            .request_id = context.request_id.empty()};
}

}  // namespace otto::http
