// What libcurl's end of a call means. Pure; any thread.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::http {

struct CallFate {
  bool sent = false;
  bool left = false;  // the other side said that it did not look at it
};

Error Failed(Code code, std::string message, std::string_view reason);
// The reasons are those of TransferSink::OnFailure.
Error ErrorOf(CURLcode code, const CallFate& fate);

}  // namespace weir::http
