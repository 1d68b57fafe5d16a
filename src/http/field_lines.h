// For transfers.cc alone.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace weir::http {

// The header fields of a call as libcurl reads them: lines of one text, each followed by the next.
class FieldLines {
 public:
  // Libcurl would add a Content-Type and an Accept of its own, and wait for a 100 Continue.
  explicit FieldLines(const Headers& headers) {
    std::vector<size_t> begins;
    const auto add = [&](std::string_view name, std::string_view rest) {
      begins.push_back(text_.size());
      text_.append(name).append(rest).append(1, '\0');
    };
    for (const std::string_view own : {"Expect", "Accept", "Content-Type"}) {
      if (!headers.Find(own)) add(own, ":");
    }
    for (size_t i = 0; i < headers.size(); ++i) {
      add(headers.name(i), ": ");
      text_.pop_back();
      text_.append(headers.value(i)).append(1, '\0');
    }
    for (const size_t begin : begins) lines_.push_back({text_.data() + begin, nullptr});
    for (size_t i = 1; i < lines_.size(); ++i) lines_[i - 1].next = &lines_[i];
  }
  FieldLines(const FieldLines&) = delete;
  FieldLines& operator=(const FieldLines&) = delete;
  curl_slist* first() { return lines_.data(); }

 private:
  std::string text_;
  std::vector<curl_slist> lines_;
};

}  // namespace weir::http
