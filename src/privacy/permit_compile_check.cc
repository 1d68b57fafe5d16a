// Compiled by permit_compile_test, twice: as it is, and with WITHOUT_PERMIT defined, which must
// fail because nobody but the permit office makes a Permit.
#include "privacy/permit.h"

namespace weir {

wire::PermitSlip Send(privacy::Permit permit) { return std::move(permit).Spend(); }

Result<wire::PermitSlip> WithPermit(privacy::PermitOffice& office, const chat::ProviderCall& call) {
  auto permit = office.Issue({.backend = "cloud"}, call, MonotonicTime());
  if (!permit) return Fail(permit.error());
  return Send(std::move(*permit));
}

#ifdef WITHOUT_PERMIT
wire::PermitSlip WithoutPermit() { return Send(privacy::Permit(wire::PermitSlip{})); }
#endif
#ifdef COPIED_PERMIT
wire::PermitSlip Twice(privacy::Permit& permit) { return Send(permit); }
#endif

}  // namespace weir
