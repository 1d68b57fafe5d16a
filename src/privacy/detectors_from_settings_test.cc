#include "privacy/detectors_from_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "privacy/entity_types.h"

namespace weir::privacy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Settings Parse(std::string_view text) {
  config::Settings settings;
  settings.file = "weir.toml";
  config::Problems problems;
  config::ParseInto(text, "weir.toml", settings, problems);
  for (const config::Problem& problem : std::move(problems).Take())
    ADD_FAILURE() << config::ToText(problem);
  return settings;
}

std::vector<std::string> Found(std::string_view toml, std::string_view text) {
  std::vector<std::string> found;
  const auto detector = DetectorOf(Parse(toml));
  if (!detector) return {detector.error()};
  for (const Finding& finding : (*detector)->Find(text)) {
    found.push_back(std::string(finding.type) + " " + std::string(chat::LabelName(finding.label)));
  }
  return found;
}

TEST(DetectorsFromSettings, TheConfigurationKnowsTheTypesThatThereAre) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i + 1 < kTypeCount; ++i) names.push_back(TypeName(static_cast<Type>(i)));
  EXPECT_THAT(config::kDetectorTypes, testing::ElementsAreArray(names));
  EXPECT_EQ(TypeName(Type::kUnscanned), "unscanned") << "which nobody turns off";
}

TEST(DetectorsFromSettings, OwnWordsAreFoundInAnyCaseAndAsWholeWords) {
  const char* toml =
      "[[detector]]\nname = 'projects'\nwords = ['Project Heron', 'Łódka']\nlabel = 'secret'\n";
  EXPECT_THAT(Found(toml, "about PROJECT HERON: go"), ElementsAre("projects secret"));
  EXPECT_THAT(Found(toml, "the lodka and the ŁÓDKA"),
              ElementsAre("projects secret", "projects secret"));
  EXPECT_THAT(Found(toml, "project herons fly; Projectheron; project heroner"),
              ElementsAre("projects secret"));
  EXPECT_THAT(Found(toml, "nothing of the kind"), IsEmpty());
}

TEST(DetectorsFromSettings, OwnPatternsAreFound) {
  const char* toml =
      "[[detector]]\nname = 'ticket'\npattern = 'HR-[0-9]{4}'\nlabel = 'internal'\n"
      "[[detector]]\nname = 'umlaut'\npattern = 'Grüße'\nlabel = 'personal'\n";
  EXPECT_THAT(Found(toml, "see HR-1234 and HR-99"), ElementsAre("ticket internal"));
  EXPECT_THAT(Found(toml, "see HR－１２３４"), ElementsAre("ticket internal"))
      << "in the normalised copy";
  EXPECT_THAT(Found(toml, "viele Grüße"), ElementsAre("umlaut personal"))
      << "and in the text as it is";
}

TEST(DetectorsFromSettings, BuiltInTypesChangeTheirLabelOrAreLeftOut) {
  EXPECT_THAT(Found("", "write to a@b.org"), ElementsAre("email personal"));
  EXPECT_THAT(Found("[[detector]]\nname = 'email'\nlabel = 'internal'\n", "write to a@b.org"),
              ElementsAre("email internal"));
  EXPECT_THAT(Found("[[detector]]\nname = 'email'\nenabled = false\n", "write to a@b.org"),
              IsEmpty());
}

TEST(DetectorsFromSettings, APatternThatIsNoneIsNamedWithItsPlace) {
  EXPECT_THAT(Found("[[detector]]\nname = 'a'\nlabel = 'secret'\npattern = '(x'\n", ""),
              ElementsAre(HasSubstr(
                  "weir.toml:4:11: detector.pattern is no regular expression of RE2: missing )")));
  EXPECT_THAT(Found("[[detector]]\nname = 'a'\nlabel = 'secret'\npattern = 'x*'\n", ""),
              ElementsAre(HasSubstr("detector.pattern matches the empty text")));
  EXPECT_THAT(
      Found("[[detector]]\nname = 'a'\nlabel = 'secret'\nwords = ['x']\n", ""),
      ElementsAre(HasSubstr("weir.toml:4:9: detector.words takes words of 2 letters and more")));
}

}  // namespace
}  // namespace weir::privacy
