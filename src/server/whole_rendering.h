// An answer that is sent in one piece: everything of a Rendering but its beginning, which makes the
// dialect's own WholeAnswer in `answer_`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/rendering.h"

namespace weir::server {

template <class Answer>
class WholeRendering : public Rendering {
 public:
  bool streams() const final { return false; }
  std::string_view content_type() const final { return "application/json"; }
  Result<void> Append(const chat::Event& event, std::string&) final {
    return answer_->Append(event);
  }
  Result<void> End(std::string_view weir, std::string& out) final {
    auto body = answer_->End(weir);
    if (!body) return std::unexpected(body.error());
    out = std::move(*body);
    return {};
  }
  void Fail(const Error&, std::string&) final {}
  void Heartbeat(std::string&) final {}

 protected:
  std::optional<Answer> answer_ = {};
};

}  // namespace weir::server
