#include "llama/rank_prompt.h"

#include <llama.h>

#include <algorithm>

namespace weir::llama {
namespace {

void Append(std::vector<Token>& to, const std::vector<Token>& more, int32_t most = INT32_MAX) {
  const size_t size = std::min(more.size(), static_cast<size_t>(std::max(most, 0)));
  to.insert(to.end(), more.begin(), more.begin() + static_cast<ptrdiff_t>(size));
}

// The template's own text may hold control tokens; what is put in between may not.
Result<std::vector<Token>> ByTemplate(const Vocabulary& vocabulary, std::string_view text,
                                      std::string_view query, std::string_view document,
                                      int32_t document_tokens_max) {
  constexpr std::string_view kQuery = "{query}";
  constexpr std::string_view kDocument = "{document}";
  std::vector<Token> tokens;
  bool first = true;
  while (!text.empty()) {
    const size_t place = std::min({text.find(kQuery), text.find(kDocument), text.size()});
    if (place > 0) {
      const std::string_view own = text.substr(0, place);
      auto part = first ? vocabulary.Tokenize(own, /*parse_special=*/true, /*add_special=*/true)
                        : vocabulary.TokenizeMiddle(own, /*parse_special=*/true);
      if (!part) return part;
      Append(tokens, *part);
      first = false;
      text.remove_prefix(place);
      continue;
    }
    const bool asks = text.starts_with(kQuery);
    auto part = vocabulary.TokenizeMiddle(asks ? query : document, /*parse_special=*/false);
    if (!part) return part;
    Append(tokens, *part, asks ? INT32_MAX : document_tokens_max);
    first = false;
    text.remove_prefix(asks ? kQuery.size() : kDocument.size());
  }
  return tokens;
}

}  // namespace

Result<std::vector<Token>> RankPrompt(const Model& model, std::string_view query,
                                      std::string_view document, int32_t document_tokens_max) {
  const Vocabulary& vocabulary = model.vocabulary();
  if (const char* own = llama_model_chat_template(model.raw(), "rerank")) {
    return ByTemplate(vocabulary, own, query, document, document_tokens_max);
  }
  const llama_vocab* vocab = vocabulary.raw();
  const Token separator = llama_vocab_get_add_sep(vocab) ? llama_vocab_sep(vocab) : kNoToken;
  const Token end = llama_vocab_get_add_eos(vocab) ? llama_vocab_eos(vocab) : kNoToken;
  std::vector<Token> tokens;
  const auto put = [&tokens](Token token) {
    if (token != kNoToken) tokens.push_back(token);
  };
  const auto read = [&](std::string_view text, int32_t most) -> Result<void> {
    auto part = vocabulary.Tokenize(text, /*parse_special=*/false, /*add_special=*/false);
    if (!part) return Fail(part.error());
    Append(tokens, *part, most);
    return {};
  };
  if (llama_vocab_get_add_bos(vocab)) put(llama_vocab_bos(vocab));
  if (auto done = read(query, INT32_MAX); !done) return Fail(done.error());
  put(end);
  put(separator);
  if (auto done = read(document, document_tokens_max); !done) return Fail(done.error());
  // BERT's vocabularies name no end of a text: their separator is it.
  put(end != kNoToken ? end : separator);
  return tokens;
}

}  // namespace weir::llama
