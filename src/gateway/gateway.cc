#include "gateway/gateway.h"

namespace weir::gateway {

chat::Label LabelOf(const Gateway& gateway, const Asked& asked) {
  return chat::Join(asked.label.value_or(gateway.default_label), asked.principal.label_floor);
}

}  // namespace weir::gateway
