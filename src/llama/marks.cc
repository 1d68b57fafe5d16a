#include "llama/marks.h"

#include <json.h>

#include <algorithm>
#include <exception>
#include <span>

#include "base/check.h"
#include "base/random.h"
#include "llama/json_depth.h"

namespace weir::llama {
namespace {

// Far deeper than a schema or an argument may be; the JSON library prints recursively.
constexpr int kJsonDepthMax = 128;

size_t CodePointLength(std::string_view text, size_t at) {
  size_t length = 1;
  while (at + length < text.size() &&
         (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80) {
    ++length;
  }
  return length;
}

bool LooksLikeATag(std::string_view text) {
  if (text.size() < 3) return false;
  const bool bracketed =
      (text.front() == '<' && text.back() == '>') || (text.front() == '[' && text.back() == ']');
  return bracketed && std::any_of(text.begin(), text.end(), [](char c) {
           return std::isalpha(static_cast<unsigned char>(c));
         });
}

// Some vocabularies define plain HTML tags as tokens for ordinary text; those stay whole unless the
// template itself uses them.
bool LooksStructural(std::string_view text) {
  for (const std::string_view sign : {"|", "_", "\xEF\xBD\x9C", "think", "tool", "INST", "SYS"}) {
    if (text.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

// A code point of the private plane 15.
void AppendPoint(std::string& text, uint32_t bits) {
  const uint32_t point = 0xF0000u + (bits & (kMarkedImagesMax - 1));
  text += static_cast<char>(0xF0 | (point >> 18));
  text += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
  text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
  text += static_cast<char>(0x80 | (point & 0x3F));
}

constexpr size_t kPointBytes = 4;

uint32_t BitsOf(std::string_view point) {
  const auto low = [&](size_t at) { return static_cast<uint32_t>(point[at]) & 0x3F; };
  return (low(1) << 12 | low(2) << 6 | low(3)) & (kMarkedImagesMax - 1);
}

// Nine of them: 135 bits that nobody can guess.
std::string Nonce() {
  uint16_t drawn[9];
  FillRandom(std::as_writable_bytes(std::span(drawn)));
  std::string nonce;
  for (const uint16_t bits : drawn) AppendPoint(nonce, bits);
  return nonce;
}

bool TooDeep(std::string_view json) { return JsonDepth(json) > kJsonDepthMax; }

}  // namespace

Guard::Guard(const Vocabulary& vocabulary, std::string_view template_source) {
  for (const Vocabulary::SpecialToken& special : vocabulary.special_tokens()) {
    const std::string_view text = special.text;
    // A single code point has no inside to cut.
    if (text.size() <= CodePointLength(text, 0)) continue;
    if (special.user_defined) {
      const bool in_template = template_source.find(text) != std::string_view::npos;
      if (!in_template && !(LooksLikeATag(text) && LooksStructural(text))) continue;
      if (in_template && !LooksLikeATag(text)) continue;
    }
    Add(text);
  }
  for (const std::string_view edit : {"replace(", "replace (", "regex"}) {
    if (template_source.find(edit) != std::string_view::npos) template_edits_ = true;
  }
  template_builds_ = EndsALiteralInsideOfAToken(template_source);
}

void Guard::Add(std::string_view text) {
  AddTo(forward_, text);
  AddTo(backward_, std::string(text.rbegin(), text.rend()));
  first_bytes_[static_cast<unsigned char>(text.front())] = true;
  longest_ = std::max(longest_, text.size());
  all_ += text;
  all_ += '\0';
}

void Guard::AddTo(std::vector<Node>& trie, std::string_view text) {
  uint32_t node = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    auto it = trie[node].next.find(byte);
    if (it == trie[node].next.end()) {
      const auto fresh = static_cast<uint32_t>(trie.size());
      trie[node].next[byte] = fresh;
      trie.push_back({});
      node = fresh;
    } else {
      node = it->second;
    }
  }
  trie[node].ends = true;
}

bool Guard::StartsHere(std::string_view text, size_t at) const {
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto it = forward_[node].next.find(static_cast<unsigned char>(text[i]));
    if (it == forward_[node].next.end()) return false;
    node = it->second;
    if (forward_[node].ends) return true;
  }
  return false;
}

// Whether some end of `text` is the beginning of a protected text that goes on.
bool Guard::TailCouldStart(std::string_view text) const {
  const size_t from = text.size() > longest_ ? text.size() - longest_ : 0;
  for (size_t at = from; at < text.size(); ++at) {
    if (!first_bytes_[static_cast<unsigned char>(text[at])]) continue;
    uint32_t node = 0;
    size_t i = at;
    for (; i < text.size(); ++i) {
      const auto it = forward_[node].next.find(static_cast<unsigned char>(text[i]));
      if (it == forward_[node].next.end()) break;
      node = it->second;
    }
    if (i == text.size() && !forward_[node].next.empty()) return true;
  }
  return false;
}

bool Guard::HeadCouldEnd(std::string_view text) const {
  for (size_t length = 1; length <= std::min(text.size(), longest_); ++length) {
    uint32_t node = 0;
    size_t i = length;
    for (; i > 0; --i) {
      const auto it = backward_[node].next.find(static_cast<unsigned char>(text[i - 1]));
      if (it == backward_[node].next.end()) break;
      node = it->second;
    }
    if (i == 0 && !backward_[node].next.empty()) return true;
  }
  return false;
}

// "im_end" between a template's "<|" and "|>".
bool Guard::IsInside(std::string_view text) const {
  return text.size() < longest_ && all_.find(text) != std::string::npos;
}

// Whether a literal of the template ends in the middle of a protected text: '<|' or <|{{ role }}.
bool Guard::EndsALiteralInsideOfAToken(std::string_view source) const {
  for (size_t at = 0; at < source.size(); ++at) {
    if (!first_bytes_[static_cast<unsigned char>(source[at])]) continue;
    uint32_t node = 0;
    for (size_t i = at; i < source.size(); ++i) {
      const bool literal_ends = source[i] == '\'' || source[i] == '"' ||
                                source.substr(i, 2) == "{{" || source.substr(i, 2) == "{%";
      if (i > at && literal_ends) return true;
      const auto it = forward_[node].next.find(static_cast<unsigned char>(source[i]));
      if (it == forward_[node].next.end()) break;
      node = it->second;
      if (forward_[node].next.empty()) break;
    }
  }
  return false;
}

std::vector<size_t> Guard::Cuts(std::string_view text) const {
  std::vector<size_t> cuts;
  if (text.empty() || longest_ == 0) return cuts;
  const bool inside = template_builds_ && IsInside(text);
  if (inside || (template_builds_ && HeadCouldEnd(text))) cuts.push_back(0);
  for (size_t i = 0; i < text.size(); ++i) {
    if (!first_bytes_[static_cast<unsigned char>(text[i])]) continue;
    if (!template_edits_ && !StartsHere(text, i)) continue;
    const size_t cut = i + CodePointLength(text, i);
    if (cut < text.size()) cuts.push_back(cut);
  }
  if (inside || TailCouldStart(text)) cuts.push_back(text.size());
  return cuts;
}

Marks::Marks(const Guard& guard) : guard_(guard), mark_(Nonce()), image_mark_(Nonce()) {}

std::string Marks::Guarded(std::string_view text) const {
  const std::vector<size_t> cuts = guard_.Cuts(text);
  if (cuts.empty()) return std::string(text);
  used_ = true;
  std::string guarded;
  size_t from = 0;
  for (const size_t cut : cuts) {
    guarded += text.substr(from, cut - from);
    guarded += mark_;
    from = cut;
  }
  guarded += text.substr(from);
  return guarded;
}

namespace {

bool Walk(common_json& node, const Marks& marks) {
  if (node.is_string()) {
    const std::string text = node.get<std::string>();
    std::string guarded = marks.Guarded(text);
    if (guarded == text) return false;
    node = common_json::make(std::move(guarded));
    return true;
  }
  bool changed = false;
  if (node.is_array()) {
    for (size_t i = 0; i < node.size(); ++i) changed = Walk(node[i], marks) || changed;
  } else if (node.is_object()) {
    common_json copy = common_json::object();
    for (const auto& [key, value] : node.items()) {
      std::string guarded = marks.Guarded(key);
      changed = guarded != key || changed;
      common_json child = value;
      changed = Walk(child, marks) || changed;
      copy[guarded] = child;
    }
    if (changed) node = std::move(copy);
  }
  return changed;
}

}  // namespace

std::string Marks::GuardedJson(const std::string& json) const {
  if (TooDeep(json)) return Guarded(json);
  try {
    common_json node = common_json::parse_no_throw(json);
    if (node.is_discarded()) return Guarded(json);
    return Walk(node, *this) ? node.dump() : json;
  } catch (const std::exception&) {
    return Guarded(json);
  }
}

std::string Marks::Image(size_t index) const {
  CHECK(index < kMarkedImagesMax, "an image has a number of its own");
  std::string mark = image_mark_;
  AppendPoint(mark, static_cast<uint32_t>(index));
  return mark;
}

std::vector<Marks::Piece> Marks::Split(std::string_view rendered) const {
  std::vector<Piece> pieces;
  while (!rendered.empty()) {
    const size_t image = rendered.find(image_mark_);
    const size_t at = std::min(rendered.find(mark_), image);
    if (const auto text = rendered.substr(0, at); !text.empty()) pieces.push_back({.text = text});
    if (at == std::string_view::npos) break;
    rendered.remove_prefix(at + mark_.size());
    if (at != image || rendered.size() < kPointBytes) continue;
    pieces.push_back({.image = BitsOf(rendered.substr(0, kPointBytes))});
    rendered.remove_prefix(kPointBytes);
  }
  return pieces;
}

}  // namespace weir::llama
