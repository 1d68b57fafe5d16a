// Keeps text of clients from ever becoming a special token (chat_template.h says how). One Guard
// for each vocabulary and template finds the places; one Marks for each request holds the nonce.
//
// Threads: both are immutable and safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llama/model.h"

namespace weir::llama {

// Which places of a text could become, or help to become, a protected token: the text of a control
// or unknown token, or of a user-defined one that looks like a tag of the template.
class Guard {
 public:
  Guard() = default;  // protects nothing
  Guard(const Vocabulary& vocabulary, std::string_view template_source);

  // Byte offsets at which `text` must be cut, rising, each on a code point border; 0 and
  // text.size() are cuts against the neighbours of the text. Empty for nearly all texts.
  std::vector<size_t> Cuts(std::string_view text) const;

 private:
  struct Node {
    std::map<unsigned char, uint32_t> next = {};
    bool ends = false;
  };
  void Add(std::string_view text);
  static void AddTo(std::vector<Node>& trie, std::string_view text);
  bool StartsHere(std::string_view text, size_t at) const;
  bool TailCouldStart(std::string_view text) const;
  bool HeadCouldEnd(std::string_view text) const;
  bool IsInside(std::string_view text) const;
  bool EndsALiteralInsideOfAToken(std::string_view source) const;

  std::vector<Node> forward_ = {{}};
  std::vector<Node> backward_ = {{}};
  bool first_bytes_[256] = {};
  size_t longest_ = 0;
  std::string all_ = {};  // every protected text between zero bytes
  // The template edits text (replace, regular expressions), so that what it takes out could join
  // the two halves of a token: then every place where a token could start is cut.
  bool template_edits_ = false;
  // The template puts tokens together from parts ('<|' + role + '|>'), so that a text could be the
  // middle or the end of one.
  bool template_builds_ = false;
};

// Images of a text; the code points of a mark number them.
inline constexpr size_t kMarkedImagesMax = 1 << 15;

class Marks {
 public:
  // A part of a rendered text: text between the marks, or an image.
  struct Piece {
    std::string_view text = {};
    std::optional<size_t> image = {};
  };

  explicit Marks(const Guard& guard);

  // `text` with marks in it; the same text where nothing threatens.
  std::string Guarded(std::string_view text) const;
  // The same for every string in a JSON text (keys included), escapes decoded. A text that is no
  // JSON is guarded as plain text.
  std::string GuardedJson(const std::string& json) const;
  // What a template is given in place of image number `index`, below kMarkedImagesMax.
  std::string Image(size_t index) const;
  // Whether any mark was put into a text so far.
  bool used() const { return used_; }
  // What lies between the marks; no text is empty.
  std::vector<Piece> Split(std::string_view rendered) const;

 private:
  const Guard& guard_;
  std::string mark_;
  std::string image_mark_;  // in front of a code point that is the image's number
  mutable bool used_ = false;
};

}  // namespace weir::llama
