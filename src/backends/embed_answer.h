// Reads the vectors of one call to a provider. It takes the place of a generation's reader, so that
// embeddings go the way of generations; as events it has an end alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/provider.h"
#include "chat/request.h"

namespace weir::backends {

class EmbedAnswer final : public chat::ProviderAnswer {
 public:
  // `dialect` has read_embed and outlives this; `into` gets the vectors.
  EmbedAnswer(const chat::ProviderDialect& dialect, chat::EmbedRequest request,
              std::shared_ptr<std::optional<chat::Embeddings>> into);

  Result<void> Head(int status, const chat::ProviderHeaders& headers) override;
  Result<void> Feed(std::string_view bytes, std::vector<chat::Event>& out) override;
  Result<void> End(std::vector<chat::Event>& out) override;
  bool Finished() const override { return into_->has_value(); }
  chat::Usage Reported() const override;

 private:
  bool IsGood() const { return status_ >= 200 && status_ < 300; }

  const chat::ProviderDialect& dialect_;
  chat::EmbedRequest request_;
  std::shared_ptr<std::optional<chat::Embeddings>> into_;
  std::string body_ = {};
  int status_ = 0;
  int retry_after_s_ = 0;
};

}  // namespace weir::backends
