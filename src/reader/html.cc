#include <gumbo.h>

#include <algorithm>
#include <memory>
#include <string>

#include "reader/formats.h"

namespace weir::reader {
namespace {

using Kind = BlockList::Kind;

constexpr int kDepthMax = 512;

struct Destroy {
  void operator()(GumboOutput* output) const {
    gumbo_destroy_output(&kGumboDefaultOptions, output);
  }
};

bool Is(const GumboNode& node, GumboTag tag) {
  return node.type == GUMBO_NODE_ELEMENT && node.v.element.tag == tag;
}

bool IsNavigation(const GumboNode& node) {
  const GumboAttribute* role = gumbo_get_attribute(&node.v.element.attributes, "role");
  return role != nullptr && std::string_view(role->value) == "navigation";
}

// What a reader of the page does not read.
bool IsLeftOut(const GumboNode& node) {
  switch (node.v.element.tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_FOOTER:
    case GUMBO_TAG_ASIDE:
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_BUTTON:
      return true;
    default:
      return IsNavigation(node);
  }
}

uint32_t HeadingLevel(GumboTag tag) {
  if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6)
    return static_cast<uint32_t>(tag - GUMBO_TAG_H1) + 1;
  return 0;
}

// Elements that begin and end a block of text.
bool SetsApart(GumboTag tag) {
  constexpr GumboTag kBlocks[] = {
      GUMBO_TAG_P,          GUMBO_TAG_DIV,    GUMBO_TAG_SECTION,    GUMBO_TAG_ARTICLE,
      GUMBO_TAG_MAIN,       GUMBO_TAG_UL,     GUMBO_TAG_OL,         GUMBO_TAG_LI,
      GUMBO_TAG_DL,         GUMBO_TAG_DT,     GUMBO_TAG_DD,         GUMBO_TAG_PRE,
      GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_TABLE,  GUMBO_TAG_TR,         GUMBO_TAG_CAPTION,
      GUMBO_TAG_FORM,       GUMBO_TAG_FIGURE, GUMBO_TAG_HEADER,     GUMBO_TAG_BODY,
      GUMBO_TAG_DETAILS,    GUMBO_TAG_HR,     GUMBO_TAG_FIGCAPTION, GUMBO_TAG_ADDRESS,
      GUMBO_TAG_SUMMARY};
  return HeadingLevel(tag) > 0 || std::ranges::find(kBlocks, tag) != std::end(kBlocks);
}

class Page {
 public:
  explicit Page(BlockList& out) : out_(out) {}

  void Read(const GumboNode& root) {
    FindMain(root, 0);
    if (mains_.empty()) {
      Walk(root, 0);
    } else {
      for (const GumboNode* main : mains_) Walk(*main, 0);
    }
    Flush();
  }

 private:
  // <main>, or else every <article> that is in no other.
  void FindMain(const GumboNode& node, int depth) {
    if (node.type != GUMBO_NODE_ELEMENT || depth > kDepthMax) return;
    if (Is(node, GUMBO_TAG_TITLE) && node.v.element.children.length > 0) {
      const auto* text = static_cast<const GumboNode*>(node.v.element.children.data[0]);
      if (text->type == GUMBO_NODE_TEXT) out_.SetTitle(text->v.text.text);
    }
    if (Is(node, GUMBO_TAG_MAIN)) {
      if (!found_main_) mains_.clear();
      found_main_ = true;
    }
    if (Is(node, GUMBO_TAG_MAIN) || (Is(node, GUMBO_TAG_ARTICLE) && !found_main_)) {
      mains_.push_back(&node);
      return;
    }
    const GumboVector& children = node.v.element.children;
    for (unsigned i = 0; i < children.length; ++i)
      FindMain(*static_cast<const GumboNode*>(children.data[i]), depth + 1);
  }

  void Walk(const GumboNode& node, int depth) {
    if (depth > kDepthMax || out_.full()) return;
    switch (node.type) {
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_WHITESPACE:
      case GUMBO_NODE_CDATA:
        Append(node.v.text);
        return;
      case GUMBO_NODE_ELEMENT:
        if (!IsLeftOut(node)) Enter(node.v.element, depth);
        return;
      default:
        return;
    }
  }

  void Enter(const GumboElement& element, int depth) {
    const GumboTag tag = element.tag;
    if (tag == GUMBO_TAG_BR) text_ += '\n';
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) AppendCell();
    const bool apart = SetsApart(tag);
    if (apart) Flush();
    const bool was_verbatim = verbatim_;
    verbatim_ = verbatim_ || tag == GUMBO_TAG_PRE;
    if (tag == GUMBO_TAG_LI) kind_ = Kind::kListItem;
    if (tag == GUMBO_TAG_TR) kind_ = Kind::kTableRow;
    if (tag == GUMBO_TAG_PRE) kind_ = Kind::kCode;
    if (HeadingLevel(tag) > 0) level_ = HeadingLevel(tag);
    const GumboVector& children = element.children;
    for (unsigned i = 0; i < children.length; ++i)
      Walk(*static_cast<const GumboNode*>(children.data[i]), depth + 1);
    if (apart) Flush();
    verbatim_ = was_verbatim;
  }

  void Append(const GumboText& text) {
    if (Trimmed(text.text).empty() && !verbatim_) {
      if (!text_.empty()) text_ += ' ';
      return;
    }
    text_ += text.text;
    const auto begin = static_cast<uint64_t>(text.start_pos.offset);
    if (span_.end == 0) span_.begin = begin;
    span_.end = std::max<uint64_t>(span_.end, begin + text.original_text.length);
  }
  void AppendCell() {
    if (!Trimmed(text_).empty()) text_ += " | ";
  }

  void Flush() {
    const std::string text = verbatim_ ? text_ : Collapsed(text_);
    if (!text.empty() && level_ > 0) {
      if (level_ == 1) out_.SetTitle(text);
      out_.AddHeading(level_, text, span_);
    } else if (!text.empty()) {
      out_.Add(kind_, text, span_);
    }
    text_.clear();
    span_ = {};
    level_ = 0;
    kind_ = Kind::kParagraph;
  }

  BlockList& out_;
  std::vector<const GumboNode*> mains_ = {};
  bool found_main_ = false;
  std::string text_ = {};
  Span span_ = {};
  Kind kind_ = Kind::kParagraph;
  uint32_t level_ = 0;
  bool verbatim_ = false;
};

}  // namespace

void ReadHtml(std::string_view bytes, BlockList& out) {
  const std::unique_ptr<GumboOutput, Destroy> parsed(
      gumbo_parse_with_options(&kGumboDefaultOptions, bytes.data(), bytes.size()));
  if (parsed != nullptr) Page(out).Read(*parsed->root);
}

}  // namespace weir::reader
