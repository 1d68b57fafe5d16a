// XML of a member of an archive, and walks over it that a document cannot make too deep. pugixml
// expands no entities but the five of XML, so that no small file becomes a large one.
#pragma once

#include <functional>
#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "reader/zip_archive.h"

namespace weir::reader {

// kUnprocessable, reason broken_document.
Result<std::unique_ptr<pugi::xml_document>> UnpackXml(ZipArchive& archive, std::string_view name);

// Of the element's name, without the prefix of its name space ("w:p": "p").
std::string_view LocalName(const pugi::xml_node& node);
// The value of an attribute by its local name; empty where absent.
std::string_view AttributeOf(const pugi::xml_node& node, std::string_view local_name);
// The first child element of that local name, or an empty node.
pugi::xml_node ChildOf(const pugi::xml_node& node, std::string_view local_name);

// Calls `enter` for each element in the order of the document; where it returns false, what is
// inside is left out. `leave` follows each for which it returned true.
void WalkXml(const pugi::xml_node& root, const std::function<bool(const pugi::xml_node&)>& enter,
             const std::function<void(const pugi::xml_node&)>& leave = nullptr);

}  // namespace weir::reader
