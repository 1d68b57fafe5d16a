#include "gateway/gateway.h"

namespace weir::gateway {

chat::Label LabelOf(const Gateway& gateway, const Asked& asked) {
  return chat::Join(asked.label.value_or(gateway.default_label), asked.principal.label_floor);
}

bool MayMoveOn(Code code) {
  return code == Code::kBackendFailed || code == Code::kUnavailable || code == Code::kRateLimited;
}

}  // namespace weir::gateway
