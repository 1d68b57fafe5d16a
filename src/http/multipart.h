// A multipart/form-data body taken apart (RFC 7578, and what browsers and libraries send of it).
// Pure. Strict: between the parts there is nothing, every part says its name once, a line that only
// begins like a delimiter is an error and not content, so that two readers cannot see two forms.
// And one put together, to be sent.
//
// The body is whole and bounded already (ServerOptions); contents are views into it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::http {

struct FormLimits {
  size_t parts = 64;
  size_t head_bytes = 8192;  // of one part's header lines together
  size_t head_lines = 16;
  size_t name_bytes = 1024;  // of a name, and of a file's name
};

struct FormPart {
  std::string name = {};                      // UTF-8 without control characters
  std::optional<std::string> file_name = {};  // likewise; absent: the part is a plain field
  std::string type = {};                      // its Content-Type; empty where it has none
  std::string_view content = {};              // into the body
};

// In their order; a name may stand several times. kInvalidArgument, reason "invalid_form", says
// what is wrong with it and never quotes it.
Result<std::vector<FormPart>> ParseForm(std::string_view content_type, std::string_view body,
                                        const FormLimits& limits = {});

// The boundary that a Content-Type of a form names; nothing when it is of another type or wrong.
std::optional<std::string> BoundaryOf(std::string_view content_type);

// One part of a form to be sent. The names hold no quotes, line ends or other control characters
// (CHECK).
struct FormField {
  std::string name = {};
  std::string file_name = {};  // empty: a plain field
  std::string type = {};       // empty: none is said
  std::string_view content = {};
};
// `boundary` is drawn by chance, so that no content holds it; the Content-Type says it.
std::string WriteForm(const std::vector<FormField>& fields, std::string_view boundary);
std::string FormType(std::string_view boundary);

}  // namespace weir::http
