// Reads an answer that comes in one piece: vectors, the text of a speech. It takes the place of a
// generation's reader, so that such calls go the way of generations; as events it has an end alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/provider.h"

namespace weir::backends {

// Takes the body of a 2xx answer; what it cost, as far as it says.
using ReadBody = std::function<Result<chat::Usage>(std::string_view body)>;

class BodyAnswer final : public chat::ProviderAnswer {
 public:
  BodyAnswer(const chat::ProviderDialect& dialect, ReadBody read);  // `dialect` outlives this

  Result<void> Head(int status, const chat::ProviderHeaders& headers) override;
  Result<void> Feed(std::string_view bytes, std::vector<chat::Event>& out) override;
  Result<void> End(std::vector<chat::Event>& out) override;
  bool Finished() const override { return finished_; }
  chat::Usage Reported() const override { return usage_; }

 private:
  bool IsGood() const { return status_ >= 200 && status_ < 300; }

  const chat::ProviderDialect& dialect_;
  ReadBody read_;
  std::string body_ = {};
  chat::Usage usage_ = {};
  int status_ = 0;
  int retry_after_s_ = 0;
  bool finished_ = false;
};

}  // namespace weir::backends
