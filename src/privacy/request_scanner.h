// The detectors' word on a request: its highest label, and what was found where. It remembers
// verdicts on longer texts by keyed hashes, since a conversation is sent again with every turn; the
// texts themselves are not kept.
//
// One thread (the gateway's I/O thread), but for what says otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/label.h"
#include "privacy/detector.h"
#include "privacy/request_texts.h"

namespace weir::privacy {

struct Scanned {
  chat::Label label = chat::Label::kPublic;  // of the findings; kPublic: there are none
  std::vector<std::string> why = {};         // "label personal: detector iban at message 2"
  bool unscanned = false;                    // a part could not be read
  std::string unscanned_at = {};             // the first such place
};

class RequestScanner {
 public:
  static constexpr size_t kRequestMax = size_t{16} << 20;  // bytes of all texts; more is unscanned
  static constexpr size_t kLinesMax = 8;                   // of `why`, one for each type
  static constexpr size_t kRememberedMin = 512;   // bytes of a text; shorter is quicker anew
  static constexpr size_t kRememberedMax = 8192;  // verdicts

  explicit RequestScanner(std::shared_ptr<const Detector> detector);
  RequestScanner(const RequestScanner&) = delete;
  RequestScanner& operator=(const RequestScanner&) = delete;

  // A chat::GenerateRequest, EmbedRequest or ScoreRequest.
  template <class Request>
  Scanned Scan(const Request& request) {
    Gathered gathered;
    VisitTexts(request,
               [&](const TextPlace& place, std::string_view text) { Look(gathered, place, text); });
    return std::move(gathered.scanned);
  }
  size_t remembered() const { return recent_.size() + older_.size(); }

  // A type of finding in a text, once.
  struct Seen {
    std::string_view type = {};  // the detector's
    chat::Label label = chat::Label::kPublic;
  };
  using Verdict = std::vector<Seen>;
  struct Key {
    uint64_t first = 0;
    uint64_t second = 0;
    bool operator==(const Key&) const = default;
  };
  // A text to be read elsewhere (ScanThread), and what was found in it. A copy: some texts are put
  // together out of a request for a moment alone.
  struct Unread {
    Key key = {};
    std::string text = {};
  };
  struct Read {
    Key key = {};
    Verdict verdict = {};
  };

  // The texts of kRememberedMin bytes and more on which there is no verdict yet; none of what lies
  // behind the first kRequestMax bytes.
  template <class Request>
  std::vector<Unread> UnreadOf(const Request& request) const {
    std::vector<Unread> unread;
    size_t bytes = 0;
    VisitTexts(request, [&](const TextPlace&, std::string_view text) {
      bytes += text.size();
      if (bytes <= kRequestMax) AddUnread(text, unread);
    });
    return unread;
  }
  // Remembers them, so that Scan finds them. Of another scanner's keys nothing comes.
  void Learn(std::vector<Read> read);
  // Any thread: what a detector finds in one text.
  static Verdict DetectIn(const Detector& detector, std::string_view text);
  const std::shared_ptr<const Detector>& detector() const { return detector_; }

 private:
  struct Gathered {
    Scanned scanned = {};
    size_t bytes = 0;
    std::vector<std::string_view> types = {};
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return key.first; }
  };
  using Verdicts = std::unordered_map<Key, Verdict, KeyHash>;

  void Look(Gathered& gathered, const TextPlace& place, std::string_view text);
  Verdict VerdictOn(std::string_view text);
  void AddUnread(std::string_view text, std::vector<Unread>& unread) const;
  Key KeyOf(std::string_view text) const;
  void Remember(const Key& key, Verdict verdict);

  std::shared_ptr<const Detector> detector_;
  std::array<unsigned char, 16> secret_ = {};
  // The older half goes when the recent one is full; what is asked for moves to the recent one.
  Verdicts recent_ = {};
  Verdicts older_ = {};
};

}  // namespace weir::privacy
