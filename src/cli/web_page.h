// Web pages for `weir ingest`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::cli {

struct WebPage {
  std::string name = {};   // of the document
  std::string bytes = {};  // at most wire::kDocumentBytesMax
};

// By a fetch process, which ends with it (fetch/page.h).
Result<WebPage> FetchWebPage(const std::string& url);

// "example.org/tides.html" for https://example.org/tides#spring of type text/html: the address
// without scheme and fragment, and an ending that says what it is.
std::string PageName(std::string_view url, std::string_view content_type);
// "example.org", without a port.
std::string HostOf(std::string_view url);

}  // namespace weir::cli
