#include "privacy/place_finder.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "privacy/characters.h"
#include "privacy/check_digits.h"

namespace weir::privacy {
namespace {

using enum Type;

#define WEIR_NAME "[A-Z0-9][A-Za-z0-9'.\\x80-\\xff-]*"
#define WEIR_MONTH                                                                                \
  "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|ene|abr|ago|dic|fev|avr|juin|" \
  "juil|aou|maj|sty|lut|kwi|cze|lip|sie|wrz|paz|lis|gru)[a-z]*\\.?"

constexpr PlaceRule kRules[] = {
    {kAddress,
     "street,avenue,road,lane,drive,boulevard,terrace,crescent,gardens,highway,parkway,circle,"
     "square,court,close,way,"
     "place,st,ave,rd,ln,dr,blvd,ct,pl,hwy,pkwy",
     "\\b[0-9]{1,5}[A-Za-z]?(?:[-/][0-9]{1,5})?,?[ \\t]+(?:[NSEW]\\.?[ \\t]+)?(?:" WEIR_NAME
     "[ \\t]+){1,4}"
     "(?:[Ss]treet|[Aa]venue|[Rr]oad|[Ll]ane|[Dd]rive|[Bb]oulevard|[Tt]errace|[Cc]rescent|[Gg]"
     "ardens|[Hh]ighway|"
     "[Pp]arkway|[Cc]ircle|[Ss]quare|[Cc]ourt|[Cc]lose|[Ww]ay|[Pp]lace|St|Ave|Rd|Ln|Dr|Blvd|Ct|Pl|"
     "Hwy|Pkwy)\\b\\.?",
     64, 2, true, 60},
    {kAddress,
     "strasse,str.,weg,platz,allee,gasse,damm,ufer,straat,laan,plein,gracht,kade,gatan,vagen,katu,"
     "utca",
     "[A-Z\\x80-\\xff][A-Za-z\\x80-\\xff-]{1,40}(?:[ -][A-Z][A-Za-z\\x80-\\xff-]{1,30})?"
     "(?:strasse|str\\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht|kade|gatan|vagen|"
     "katu|utca)"
     "[ \\t]{1,2}[0-9]{1,4}[ ]?(?:[a-zA-Z]\\b)?",
     44, 8, false, 65},
    {kAddress, "rue,avenue,boulevard,chemin,impasse,quai,allee,place",
     "\\b[0-9]{1,4}(?:[ ]?(?:bis|ter))?,?[ "
     "\\t]+(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Ii]mpasse|[Qq]uai|[Aa]llee|"
     "[Pp]lace)[ \\t]+(?:(?:de|du|des|la|les|d'|l')[ ]?){0,2}" WEIR_NAME "(?:[ -]" WEIR_NAME
     "){0,3}",
     12, 60, true, 65},
    {kAddress,
     "calle,avenida,plaza,paseo,via,viale,piazza,corso,rua,travessa,carrera,ul.,ulica,al.,aleja,"
     "ulice",
     "(?:[Cc]alle|[Aa]venida|[Pp]laza|[Pp]aseo|[Vv]ia|[Vv]iale|[Pp]iazza|[Cc]orso|[Rr]ua|[Tt]"
     "ravessa|[Cc]arrera|"
     "[Uu]l\\.|[Uu]lica|[Aa]l\\.|[Aa]leja|[Uu]lice)[ "
     "\\t]+(?:(?:de|del|della|dei|di|da|do|dos|das|la|las|los)[ ]){0,2}[A-Z][A-Za-z'.\\x80-\\xff-]*"
     "(?:[ ](?:de|del|della|di|da|do|la)?[ ]?" WEIR_NAME
     "){0,3},?[ \\t]+(?:n\\.?[o]?\\.?[ ]?)?[0-9]{1,4}\\b",
     0, 70, true, 62},
    {kAddress, "box", "\\bP\\.?[ ]?O\\.?[ ]Box[ ]{1,2}[0-9]{1,6}\\b", 8, 10, true, 70},
    {kDateOfBirth,
     "date of birth,dob,birthdate,birth date,birthday,born on,born,d.o.b.,geburtsdatum,geboren "
     "am,geboren,geb.,"
     "date de naissance,ne le,nee le,fecha de nacimiento,nacido el,nacida el,data di nascita,nato "
     "il,nata il,"
     "data de nascimento,geboortedatum,data "
     "urodzenia,urodzony,urodzona,fodselsdato,fodelsedatum,syntymaaika,dateofbirth",
     "^[\"'>]?[ \\t]{0,2}[:=]?[ \\t]{0,3}(?:is|on|ist|es|est|am|le)?[ \\t]{0,2}[\"']?"
     "((?:[0-3]?[0-9][./-][01]?[0-9][./-](?:19|20)?[0-9]{2}|[01]?[0-9]/[0-3]?[0-9]/"
     "(?:19|20)?[0-9]{2}|"
     "(?:19|20)[0-9]{2}[./-][01]?[0-9][./-][0-3]?[0-9]|[0-3]?[0-9](?:st|nd|rd|th|\\.)?[ ](?:of |de "
     ")?" WEIR_MONTH "[ ,]{1,2}(?:de )?(?:19|20)[0-9]{2}|" WEIR_MONTH
     "[ ][0-3]?[0-9](?:st|nd|rd|th)?,?[ ](?:19|20)[0-9]{2})\\b)",
     0, 56, true, 75},
};

constexpr int kScoreOfYear = 40;  // needs a word nearby

// "In 2020 Wall Street ...", "March 2009 Wall Street ...", "the 1987 Wall Street crash": a word of
// time, or an article, before what could be a year.
bool IsYearOfSentence(std::string_view text, size_t at) {
  constexpr std::string_view kBefore[] = {
      "in",   "since",  "by",        "until",   "till",     "during",  "before", "after",  "around",
      "the",  "year",   "late",      "early",   "mid",      "summer",  "winter", "spring", "autumn",
      "fall", "and",    "or",        "january", "february", "march",   "april",  "may",    "june",
      "july", "august", "september", "october", "november", "december"};
  const std::string_view number = text.substr(at, 5);
  const bool year = (number.starts_with("19") || number.starts_with("20")) && number.size() == 5 &&
                    IsDigit(number[2]) && IsDigit(number[3]) && !IsWord(number[4]);
  if (!year || at < 2 || text[at - 1] != ' ') return false;
  size_t begin = at - 1;
  while (begin > 0 && IsLetter(text[begin - 1])) --begin;
  const std::string_view word = text.substr(begin, at - 1 - begin);
  return std::ranges::any_of(
      kBefore, [&](std::string_view known) { return std::ranges::equal(word, known, {}, Lower); });
}

// Weights 7, 3, 1 in turn over digits, letters from 10 on, "<" for nothing.
bool ChecksOut(std::string_view field, char check) {
  constexpr std::array<int, 3> kWeights = {7, 3, 1};
  int sum = 0;
  for (size_t i = 0; i < field.size(); ++i)
    sum += (field[i] == '<' ? 0 : Value36(field[i])) * kWeights[i % 3];
  return IsDigit(check) && sum % 10 == Value(check);
}

bool IsZone(char c) { return IsUpper(c) || IsDigit(c) || c == '<'; }

// The line with dates of a passport (44), a visa or old card (36), a card (30): two checks hold.
bool IsDataLine(std::string_view line) {
  if (line.size() == 30 && IsDigit(line[0])) {
    return ChecksOut(line.substr(0, 6), line[6]) && ChecksOut(line.substr(8, 6), line[14]);
  }
  return (line.size() == 44 || line.size() == 36) && ChecksOut(line.substr(13, 6), line[19]) &&
         ChecksOut(line.substr(21, 6), line[27]);
}

}  // namespace

PlaceFinder::PlaceFinder() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  for (const PlaceRule& rule : kRules) {
    patterns_.push_back(std::make_unique<re2::RE2>(
        re2::StringPiece(rule.pattern.data(), rule.pattern.size()), options));
    CHECK(patterns_.back()->ok(), "a rule's pattern is a regular expression");
  }
}

std::span<const PlaceRule> PlaceFinder::Rules() { return kRules; }

void PlaceFinder::Find(Scan& scan, size_t index, size_t begin, size_t end) const {
  const PlaceRule& rule = kRules[index];
  const std::string_view text = scan.text();
  if (!rule.whole && end < text.size() && IsWord(text[end])) return;
  const bool birth = rule.type == kDateOfBirth;
  const size_t from = birth ? end : begin > rule.before ? begin - rule.before : 0;
  const size_t to = std::min(end + rule.after, text.size());
  const std::string_view window = text.substr(from, to - from);
  // Digits are what every pattern needs, and most windows lack.
  if (std::ranges::none_of(window, IsDigit)) return;
  re2::StringPiece groups[2];
  const int wanted = birth ? 2 : 1;
  if (!patterns_[index]->Match({window.data(), window.size()}, 0, window.size(),
                               re2::RE2::UNANCHORED, groups, wanted))
    return;
  const re2::StringPiece& found = groups[wanted - 1];
  const size_t first = from + static_cast<size_t>(found.data() - window.data());
  const size_t last = first + found.size();
  const bool covers = birth || (first <= begin && last >= end);
  const bool cut = last < text.size() && IsDigit(text[last]);
  if (!covers || cut) return;
  const bool year = rule.type == kAddress && IsYearOfSentence(text, first);
  scan.Add(first, last, rule.type, year ? kScoreOfYear : rule.score);
}

void PlaceFinder::FindTravelDocument(Scan& scan, size_t at) {
  const std::string_view text = scan.text();
  constexpr size_t kLineMax = 44;
  const auto line_round = [&](size_t place) {
    size_t begin = place;
    while (begin > 0 && place - begin <= kLineMax && IsZone(text[begin - 1])) --begin;
    size_t end = place;
    while (end < text.size() && end - begin <= kLineMax && IsZone(text[end])) ++end;
    return std::pair(begin, end);
  };
  const auto [begin, end] = line_round(at);
  const std::string_view line = text.substr(begin, end - begin);
  if (IsDataLine(line)) return scan.Add(begin, end, kMrz, 95);
  // The first line of a passport, whose data are in the next.
  const bool names = (line.size() == 44 || line.size() == 36) &&
                     (line[0] == 'P' || line[0] == 'V' || line[0] == 'I');
  if (!names || end + 1 >= text.size()) return;
  const size_t next = text[end] == '\r' ? end + 2 : end + 1;
  if (next >= text.size()) return;
  const auto [second, last] = line_round(next);
  if (second == next && IsDataLine(text.substr(second, last - second)))
    scan.Add(begin, last, kMrz, 97);
}

}  // namespace weir::privacy
