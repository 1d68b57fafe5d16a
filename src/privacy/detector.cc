#include "privacy/detector.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "privacy/blob.h"
#include "privacy/context_words.h"
#include "privacy/detection_copy.h"
#include "privacy/name_finder.h"
#include "privacy/number_finder.h"
#include "privacy/own_patterns.h"
#include "privacy/place_finder.h"
#include "privacy/scan.h"
#include "privacy/secret_finder.h"
#include "privacy/vocabulary.h"

namespace weir::privacy {
namespace {

constexpr size_t kWordBytesMin = 2;
// Of what is no text, one byte in so many makes the whole unreadable.
constexpr size_t kUnreadableShare = 20;

Result<std::vector<Vocabulary::OwnWord>> FoldWords(const std::vector<OwnDetector>& own) {
  std::vector<Vocabulary::OwnWord> words;
  size_t bytes = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    for (const std::string& word : own[i].words) {
      const DetectionCopy copy(std::string_view(word).substr(0, Detector::kOwnWordsMax));
      if (copy.text().size() < kWordBytesMin) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("takes words of {} letters and more", kWordBytesMin), "words",
                    own[i].name);
      }
      bytes += copy.text().size();
      if (bytes > Detector::kOwnWordsMax) {
        return Fail(
            Code::kInvalidArgument,
            fmt::format("takes at most {} bytes in all own words together", Detector::kOwnWordsMax),
            "words", own[i].name);
      }
      words.push_back({std::string(copy.text()), static_cast<uint16_t>(i)});
    }
  }
  return words;
}

}  // namespace

class Detector::Impl {
 public:
  Impl(const DetectorOptions& options, const std::vector<Vocabulary::OwnWord>& words,
       OwnPatterns patterns)
      : vocabulary_(words), patterns_(std::move(patterns)) {
    for (size_t type = 0; type < kTypeCount; ++type) {
      kinds_.push_back({std::string(TypeName(static_cast<Type>(type))),
                        LabelOfType(static_cast<Type>(type)), true});
    }
    for (const Type type : options.off) kinds_[static_cast<size_t>(type)].on = false;
    for (const auto& [type, label] : options.labels)
      kinds_[static_cast<size_t>(type)].label = label;
    for (const OwnDetector& own : options.own) kinds_.push_back({own.name, own.label, true});
  }

  std::vector<Finding> Find(std::string_view text) const {
    if (text.size() > kTextMax) return {Unscanned(text.size())};
    const DetectionCopy copy(text);
    if (copy.unreadable() * kUnreadableShare > text.size()) return {Unscanned(text.size())};
    Scan scan(copy.text());
    Look(scan, /*inside=*/false);
    std::vector<Finding> findings;
    for (const Sighting& sighting : scan.sightings()) {
      const ByteRange range = copy.Original({sighting.begin, sighting.end});
      Add(findings, range.begin, range.end, sighting.kind, sighting.score);
    }
    // A pattern may ask for letters that folding changes.
    if (copy.text() != text && !LookForOwn(findings, text)) scan.Overflow();
    if (scan.overflowed()) return {Unscanned(text.size())};
    return WithoutOverlaps(std::move(findings));
  }

 private:
  struct Kind {
    std::string name = {};
    chat::Label label = chat::Label::kPublic;
    bool on = true;
  };

  Finding Unscanned(size_t size) const {
    const Kind& kind = kinds_[static_cast<size_t>(Type::kUnscanned)];
    return {kind.name, 0, size, 100, kind.label};
  }

  void Add(std::vector<Finding>& findings, size_t begin, size_t end, size_t kind, int score) const {
    if (kinds_[kind].on)
      findings.push_back({kinds_[kind].name, begin, end, score, kinds_[kind].label});
  }

  bool LookForOwn(std::vector<Finding>& findings, std::string_view text) const {
    return patterns_.Find(text, [&](size_t begin, size_t end, uint16_t own) {
      if (findings.size() < 2 * Scan::kSightingsMax)
        Add(findings, begin, end, kTypeCount + own, 100);
    });
  }

  void Look(Scan& scan, bool inside) const {
    std::vector<KeywordHit> hits;
    if (!vocabulary_.Find(scan.text(), hits)) return scan.Overflow();
    for (const KeywordHit& hit : hits) {
      const Keyword& keyword = vocabulary_.Of(hit);
      if (keyword.cue != Keyword::Cue::kContext) continue;
      scan.AddContext({hit.begin, hit.end, &ContextRules()[keyword.index].types});
    }
    // Who has found too much need not go on: the text is unscanned either way.
    for (const KeywordHit& hit : hits) {
      if (scan.overflowed()) return;
      Follow(scan, hit);
    }
    numbers_.Find(scan);
    names_.Find(scan);
    FindEmails(scan);
    const bool kept = patterns_.Find(
        scan.text(), [&](size_t begin, size_t end, uint16_t own) { scan.AddOwn(begin, end, own); });
    if (!kept) scan.Overflow();
    if (inside) return;  // one level
    ForEachBlob(scan.text(), [&](const Blob& blob) { LookInside(scan, blob); });
  }

  void Follow(Scan& scan, const KeywordHit& hit) const {
    const Keyword& keyword = vocabulary_.Of(hit);
    switch (keyword.cue) {
      case Keyword::Cue::kContext:
        return;
      case Keyword::Cue::kSecret:
        return secrets_.Find(scan, keyword.index, hit.begin, hit.end);
      case Keyword::Cue::kPlace:
        return places_.Find(scan, keyword.index, hit.begin, hit.end);
      case Keyword::Cue::kName:
        return names_.FindAfter(scan, hit.begin, hit.end,
                                NameFinder::Cues()[keyword.index].strength);
      case Keyword::Cue::kTravelDocument:
        return PlaceFinder::FindTravelDocument(scan, hit.begin);
      case Keyword::Cue::kOwn:
        return scan.AddOwn(hit.begin, hit.end, keyword.index);
    }
  }

  // What stands in base64 counts for the whole of it.
  void LookInside(Scan& scan, const Blob& blob) const {
    if (blob.opaque) return scan.Add(blob.begin, blob.end, Type::kUnscanned, 100);
    const DetectionCopy copy(blob.text);
    Scan inner(copy.text());
    Look(inner, /*inside=*/true);
    if (inner.overflowed()) scan.Overflow();
    std::vector<bool> told(kinds_.size());
    for (const Sighting& sighting : inner.sightings()) {
      if (told[sighting.kind]) continue;
      told[sighting.kind] = true;
      if (sighting.kind >= kTypeCount) {
        scan.AddOwn(blob.begin, blob.end, sighting.kind - kTypeCount);
      } else {
        scan.Add(blob.begin, blob.end, static_cast<Type>(sighting.kind), sighting.score);
      }
    }
  }

  // Of findings that overlap the one with the highest label stays, then the surest, then the
  // longest.
  static std::vector<Finding> WithoutOverlaps(std::vector<Finding> findings) {
    std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
      const auto key = [](const Finding& f) {
        return std::tuple(-chat::Rank(f.label), -f.score, f.begin, -static_cast<int64_t>(f.end),
                          f.type);
      };
      return key(a) < key(b);
    });
    std::map<size_t, Finding> kept;  // by begin
    for (const Finding& finding : findings) {
      const auto after = kept.lower_bound(finding.begin);
      if (after != kept.end() && after->first < finding.end) continue;
      if (after != kept.begin() && std::prev(after)->second.end > finding.begin) continue;
      kept.emplace(finding.begin, finding);
    }
    std::vector<Finding> list;
    list.reserve(kept.size());
    for (const auto& [begin, finding] : kept) list.push_back(finding);
    return list;
  }

  Vocabulary vocabulary_;
  OwnPatterns patterns_;
  SecretFinder secrets_ = {};
  PlaceFinder places_ = {};
  NameFinder names_ = {};
  NumberFinder numbers_ = {};
  std::vector<Kind> kinds_ = {};  // the types, then the own ones
};

Detector::Detector(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Detector::~Detector() = default;

Result<std::shared_ptr<const Detector>> Detector::Make(const DetectorOptions& options) {
  if (options.own.size() > kOwnMax) {
    return Fail(Code::kInvalidArgument, fmt::format("takes at most {} own detectors", kOwnMax),
                "own");
  }
  auto words = FoldWords(options.own);
  if (!words) return std::unexpected(words.error());
  OwnPatterns patterns;
  for (size_t i = 0; i < options.own.size(); ++i) {
    if (options.own[i].pattern.empty()) continue;
    if (auto added = patterns.Add(options.own[i].pattern, static_cast<uint16_t>(i)); !added) {
      Error error = added.error();
      error.reason = options.own[i].name;
      return Fail(std::move(error));
    }
  }
  patterns.Compile();
  return std::shared_ptr<const Detector>(
      new Detector(std::make_unique<const Impl>(options, *words, std::move(patterns))));
}

std::vector<Finding> Detector::Find(std::string_view text) const { return impl_->Find(text); }

}  // namespace weir::privacy
