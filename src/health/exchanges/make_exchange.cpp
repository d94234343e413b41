#include "health/exchange.h"
#include "health/exchanges/exchanges.h"
#include "health/presets.h"

namespace shoal::health {

std::unique_ptr<Exchange> make_exchange(const Question& question) {
    using enum model::MonitorType;
    switch (question.monitor.type) {
        case none:
        case program:
        case tls:
        case icmp:
            return nullptr;
        case text:
            return make_text_exchange(question);
        case http:
        case https:
            return make_http_exchange(question);
        case dns:
            return make_dns_exchange(question);
        case grpc:
            return make_grpc_exchange(question);
        default:
            return make_preset_exchange(question, preset_of(question.monitor.type));
    }
}

}  // namespace shoal::health
