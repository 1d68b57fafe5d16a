#include "reader/xml_text.h"

#include <fmt/core.h>

namespace weir::reader {

Result<std::unique_ptr<pugi::xml_document>> UnpackXml(ZipArchive& archive, std::string_view name) {
  auto text = archive.Unpack(name);
  if (!text) return Fail(text.error());
  auto document = std::make_unique<pugi::xml_document>();
  const pugi::xml_parse_result parsed = document->load_buffer(
      text->data(), text->size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (!parsed) {
    return Fail(Code::kUnprocessable, fmt::format("{} in it is no XML", name), "document",
                "broken_document");
  }
  return document;
}

std::string_view LocalName(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view AttributeOf(const pugi::xml_node& node, std::string_view local_name) {
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    std::string_view name = attribute.name();
    if (const size_t colon = name.find(':'); colon != std::string_view::npos)
      name.remove_prefix(colon + 1);
    if (name == local_name) return attribute.value();
  }
  return {};
}

pugi::xml_node ChildOf(const pugi::xml_node& node, std::string_view local_name) {
  for (const pugi::xml_node& child : node.children()) {
    if (LocalName(child) == local_name) return child;
  }
  return {};
}

// By parents and siblings, without a stack: depth costs nothing.
void WalkXml(const pugi::xml_node& root, const std::function<bool(const pugi::xml_node&)>& enter,
             const std::function<void(const pugi::xml_node&)>& leave) {
  pugi::xml_node node = root;
  while (node) {
    const bool inside = enter(node);
    if (inside && node.first_child()) {
      node = node.first_child();
      continue;
    }
    if (inside && leave) leave(node);
    while (node != root && !node.next_sibling()) {
      node = node.parent();
      if (leave) leave(node);
    }
    if (node == root) return;
    node = node.next_sibling();
  }
}

}  // namespace weir::reader
