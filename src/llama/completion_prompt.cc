#include "llama/completion_prompt.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "llama/marks.h"

namespace weir::llama {
namespace {

// Text of a client without a template around it. Control tokens need no cuts here, but user-defined
// ones are matched even without parse_special.
Result<std::vector<Token>> PlainTokens(const Vocabulary& vocabulary, std::string_view text,
                                       bool first) {
  std::vector<Token> tokens;
  std::vector<size_t> cuts = Guard(vocabulary, {}).Cuts(text);
  cuts.push_back(text.size());
  size_t from = 0;
  for (const size_t cut : cuts) {
    if (cut == from) continue;
    const std::string_view piece = text.substr(from, cut - from);
    auto part = first && from == 0 ? vocabulary.Tokenize(piece, false, false)
                                   : vocabulary.TokenizeMiddle(piece, false);
    if (!part) return part;
    tokens.insert(tokens.end(), part->begin(), part->end());
    from = cut;
  }
  return tokens;
}

// Tokens that control the model come from here alone; text never becomes one.
class InfillWriter {
 public:
  explicit InfillWriter(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    const bool begins = vocabulary.adds_beginning() && vocabulary.beginning() != kNoToken;
    if (begins) tokens_.push_back(vocabulary.beginning());
  }

  void Control(Token token) {
    if (token != kNoToken) tokens_.push_back(token);
  }
  void Text(std::string_view text) {
    if (text.empty() || problem_) return;
    auto part = PlainTokens(vocabulary_, text, /*first=*/false);
    if (part) {
      tokens_.insert(tokens_.end(), part->begin(), part->end());
    } else {
      problem_ = std::move(part.error());
    }
  }
  Result<std::vector<Token>> Take() {
    if (problem_) return std::unexpected(*std::move(problem_));
    return std::move(tokens_);
  }

 private:
  const Vocabulary& vocabulary_;
  std::vector<Token> tokens_ = {};
  std::optional<Error> problem_ = {};
};

// As Qwen2.5-Coder and StarCoder2 were taught projects (arXiv:2409.12186, section 3.2), with the
// names that llama-server gives what has none; for other models, as text between marks.
void PutFiles(InfillWriter& out, const Vocabulary::InfillTokens& infill,
              const std::vector<chat::ContextFile>& files) {
  if (files.empty()) return;
  if (infill.file == kNoToken) {
    constexpr std::string_view kMark = "\n\n--- snippet ---\n\n";
    for (const chat::ContextFile& file : files) {
      out.Text(kMark);
      out.Text(file.text);
    }
    out.Text(kMark);
    return;
  }
  if (infill.project != kNoToken) {
    out.Control(infill.project);
    out.Text("myproject\n");
  }
  for (const chat::ContextFile& file : files) {
    out.Control(infill.file);
    out.Text((file.name.empty() ? "tmp" : file.name) + "\n" + file.text);
  }
  out.Control(infill.file);
  out.Text("filename\n");
}

}  // namespace

Result<std::vector<Token>> CompletionTokens(const Vocabulary& vocabulary,
                                            const chat::Prompt& prompt, bool parse_special) {
  if (!prompt.tokens.empty()) {
    for (const Token token : prompt.tokens) {
      if (!vocabulary.Contains(token)) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("the prompt holds token {}, but this model's tokens are 0 to {}",
                                token, vocabulary.size() - 1),
                    "prompt");
      }
    }
    return prompt.tokens;
  }
  std::vector<Token> tokens;
  if (vocabulary.adds_beginning() && vocabulary.beginning() != kNoToken) {
    tokens.push_back(vocabulary.beginning());
  }
  auto text = parse_special ? vocabulary.Tokenize(prompt.text, true, false)
                            : PlainTokens(vocabulary, prompt.text, /*first=*/true);
  if (!text) return text;
  const bool twice =
      parse_special && !tokens.empty() && !text->empty() && text->front() == tokens.front();
  if (twice) return text;
  tokens.insert(tokens.end(), text->begin(), text->end());
  return tokens;
}

Result<std::vector<Token>> InfillTokens(const Vocabulary& vocabulary, std::string_view prefix,
                                        std::string_view suffix,
                                        const std::vector<chat::ContextFile>& files) {
  const Vocabulary::InfillTokens& infill = vocabulary.infill();
  if (!infill.complete()) {
    return Fail(Code::kUnprocessable, "this model cannot fill in the middle; leave suffix out",
                "suffix", "infill_unsupported");
  }
  InfillWriter out(vocabulary);
  PutFiles(out, infill, files);
  out.Control(infill.prefix);
  out.Text(prefix);
  out.Control(infill.suffix);
  out.Text(suffix);
  out.Control(infill.middle);
  return out.Take();
}

}  // namespace weir::llama
