// Two counts of a text: letters of each script, and words that are among the commonest of some
// language. A word counts twelve points, shared by the languages that have it. The best language
// wins when its words are a good part of all (the commonest words of a language are a third of any
// prose), and clearly more than those of the next; else nobody does.
#include "routing/language.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace weir::routing {
namespace {

enum class Script : uint8_t {
  kNone,
  kLatin,
  kCyrillic,
  kGreek,
  kHebrew,
  kArabic,
  kKana,
  kHan,
  kHangul,
  kThai,
  kOther,
  kCount
};
constexpr size_t kScripts = static_cast<size_t>(Script::kCount);

struct Range {
  char32_t first;
  char32_t last;
  Script script;
};
constexpr Range kRanges[] = {
    {'A', 'Z', Script::kLatin},        {'a', 'z', Script::kLatin},
    {0xC0, 0x24F, Script::kLatin},     {0x370, 0x3FF, Script::kGreek},
    {0x400, 0x52F, Script::kCyrillic}, {0x590, 0x5FF, Script::kHebrew},
    {0x600, 0x6FF, Script::kArabic},   {0x700, 0xDFF, Script::kOther},
    {0xE00, 0xE7F, Script::kThai},     {0xE80, 0x10FF, Script::kOther},
    {0x1100, 0x11FF, Script::kHangul}, {0x1200, 0x1DFF, Script::kOther},
    {0x1E00, 0x1EFF, Script::kLatin},  {0x1F00, 0x1FFF, Script::kGreek},
    {0x3040, 0x30FF, Script::kKana},   {0x3400, 0x9FFF, Script::kHan},
    {0xAC00, 0xD7AF, Script::kHangul}, {0xFB50, 0xFDFF, Script::kArabic},
    {0x20000, 0x3FFFF, Script::kHan},
};

constexpr bool IsAsciiLetter(char32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

Script ScriptOf(char32_t c) {
  if (c < 0x80) return IsAsciiLetter(c) ? Script::kLatin : Script::kNone;
  const auto* found = std::ranges::lower_bound(kRanges, c, {}, &Range::last);
  return found != std::end(kRanges) && c >= found->first ? found->script : Script::kNone;
}

// As far as the words below need it.
char32_t Lower(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 0x20;
  if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 0x20;
  if (c == 0x130) return 'i';
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x218 && c <= 0x21B)) {
    return c | 1;
  }
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  return c;
}

// The next code point; bytes that are none are taken one by one.
char32_t Next(std::string_view& text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
  if (size == 0 || size > text.size()) {
    text.remove_prefix(1);
    return 0;
  }
  char32_t c = size == 1 ? lead : lead & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) {
      text.remove_prefix(1);
      return 0;
    }
    c = c << 6 | (byte & 0x3F);
  }
  text.remove_prefix(size);
  return c;
}

// Up to eight letters of ASCII at the start of `text`, in lower case, in the bytes of a number.
struct AsciiLetters {
  uint64_t lower = 0;
  size_t count = 0;
};
AsciiLetters LettersAtStart(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t eight = 0;
  if (text.size() >= sizeof eight) [[likely]] {
    std::memcpy(&eight, text.data(), sizeof eight);
  } else {
    std::memcpy(&eight, text.data(), text.size());
  }
  const uint64_t lower = eight | (kOnes * 0x20);
  // The high bit of a byte: it is not below 'a', above 'z', not ASCII. Without their high bits
  // bytes are added without a carry into the next.
  const uint64_t low = lower & (kOnes * 0x7F);
  const uint64_t from_a = low + kOnes * (0x80 - 'a');
  const uint64_t beyond_z = low + kOnes * (0x80 - 'z' - 1);
  const uint64_t others = (~from_a | beyond_z | eight) & (kOnes * 0x80);
  if (others == 0) return {.lower = lower, .count = sizeof eight};
  const auto count = static_cast<size_t>(std::countr_zero(others)) / 8;
  return {.lower = lower & ((uint64_t{1} << (count * 8)) - 1), .count = count};
}

// The hash of a word that is read: FNV-1a's step, by code points or by eight letters of ASCII at
// once. Words are cut the same way in the table and in the text.
class WordHash {
 public:
  void Mix(uint64_t unit) { value_ = (value_ ^ unit) * kPrime; }
  uint64_t value() const { return value_ ^ value_ >> 32; }

 private:
  static constexpr uint64_t kPrime = 0x9E3779B97F4A7C15;  // odd: no two units are alike after it
  uint64_t value_ = 0xCBF29CE484222325;
};

// Letters that Persian and Urdu have and Arabic has not: che, zhe, gaf, and their yeh and kaf.
bool IsPersian(char32_t c) {
  return c == 0x686 || c == 0x698 || c == 0x6AF || c == 0x6CC || c == 0x6A9;
}

struct CommonWords {
  std::string_view language;
  std::string_view words;  // with a space between them
};
constexpr CommonWords kCommon[] = {
    {"en",
     "the of and to in is that it was for on are with as be at by this have from or had not but "
     "what all were when we there can an your which their said if will each how do does did them "
     "then she many some so these would he has you i my me our they please should could about who "
     "why where write give tell make between into than no"},
    {"de",
     "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an "
     "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum "
     "war haben nur oder aber vor zur bis mehr durch man sein ich du wir ihr mir mich bitte was "
     "wer wo warum kann können soll schreibe erkläre mein meine gib wenn dann diese dieser dieses"},
    {"fr",
     "le la les de des du et en un une est dans que qui pour pas sur au aux avec ce cette il elle "
     "ne se par plus sont son sa ses ou mais comme on nous vous je tu leur être avoir fait était "
     "ont tout tous moi mon ma mes quel quelle quels comment pourquoi où peut dois veuillez donne "
     "écris explique entre sans si très même aussi dont"},
    {"es",
     "el la los las de del y en un una es que por para con no se su sus al lo como más pero o "
     "este esta estos estas ha son fue ser está muy también entre sin sobre cuando donde qué cómo "
     "cuál quién yo tú mi me te nos le les hay porque todo todos si ya puede puedes escribe "
     "explica dame dime hacer tiene desde hasta"},
    {"pt",
     "o a os as de do da dos das e em um uma é que por para com não se no na nos nas ao à mais "
     "como mas ou este esta isso foi ser está muito também entre sem sobre quando onde eu você me "
     "meu minha seu sua seus suas são tem há pelo pela porque qual quem pode escreva explique até "
     "já ele ela eles todos"},
    {"it",
     "il lo la i gli le di del della dei delle e in un una uno è che per con non si su da dal al "
     "alla nel nella come più ma o questo questa sono era essere anche tra fra senza quando dove "
     "cosa chi io tu mi ti ci vi suo sua suoi loro ha ho hanno perché tutti quale può puoi scrivi "
     "spiega dammi se ogni molto"},
    {"nl",
     "de het een en van in is dat die te op met voor zijn niet aan er om ook als bij maar door "
     "naar uit over of nog wel dan wat worden wordt heeft hebben had was ik je jij u we wij ze zij "
     "hij mijn uw hun dit deze kan kunnen moet hoe waarom waar wie welke geen tot tussen schrijf "
     "leg geef alle tegen"},
    {"sv",
     "och att det i en som är på av för med den till inte om har de ett var jag du vi ni han hon "
     "sig från så men eller kan ska skall vad hur varför när där här alla denna detta dessa också "
     "mellan utan mycket mer min mitt din ditt deras skriv förklara ge mig vara blir bli under "
     "efter"},
    {"da",
     "og at det i en som er på af for med den til ikke om har de et var jeg du vi han hun sig fra "
     "så men eller kan skal hvad hvordan hvorfor når der her alle denne dette disse også mellem "
     "uden meget mere min mit din dit deres skriv forklar giv mig være bliver blev blive efter "
     "noget nogle nogen hvilke"},
    {"no",
     "og at det i en som er på av for med den til ikke om har de et var jeg du vi han hun seg fra "
     "så men eller kan skal hva hvordan hvorfor når der her alle denne dette disse også mellom "
     "uten mye mer min mitt din ditt deres skriv forklar gi meg være blir ble bli etter noe noen "
     "hvilke dere"},
    {"fi",
     "ja on ei se että oli hän en ovat mutta tai kun niin kuin myös joka jotka mitä mikä miten "
     "miksi missä milloin minä sinä me te he minun sinun tämä tämän nämä ne olla ole voi voit "
     "sekä jos vain kaikki hyvin enemmän ennen jälkeen kanssa ilman välillä kirjoita selitä anna "
     "olen olet onko jokaisella"},
    {"pl",
     "i w na z nie się to że do jest o jak po co za od czy ale przez dla są był była było być ten "
     "ta te tego tej tym oraz lub gdzie kiedy dlaczego kto jaki jaka jakie ja ty my wy on ona oni "
     "mnie mi go jego jej ich może można bardzo tylko już tak przy bez pod nad między napisz "
     "wyjaśnij podaj proszę wszyscy"},
    {"cs",
     "a v na se je že to s z do o i k ve za ale jako po by jsou byl byla bylo být ten ta tento "
     "tato toto nebo kde kdy proč kdo jaký jaká jaké já ty my vy on ona oni mě mi ho jeho její "
     "jejich může lze velmi jen už tak při bez pod nad mezi napiš vysvětli prosím jak co není "
     "který která které všichni"},
    {"hu",
     "a az és hogy nem is egy ez van volt de meg csak mint vagy ha már el még ki mi hogyan miért "
     "hol mikor én te ő mi ti ők ezt azt lehet kell nagyon minden között nélkül után előtt írj "
     "magyarázd kérlek az aki amely ami lesz vannak való szerint"},
    {"ro",
     "și în de la a nu să cu pe o un din care este ce mai sunt pentru că se al ale ai fost dar "
     "sau cum când unde cine eu tu noi voi ei el ea îmi mă te lui lor fi foarte numai prin fără "
     "între după înainte toate toți scrie explică acest această acestea vă rog poate"},
    {"tr",
     "ve bir bu da de için ile mi ne o çok gibi daha ama var en kadar sonra olarak olan değil her "
     "ya ki ben sen biz siz onlar nasıl neden nerede kim hangi şu bunu bana beni onun lütfen yaz "
     "açıkla ver tüm göre veya olduğu olur oldu arasında önce mı"},
    {"ru",
     "и в не на что с по как это он она они но а к у из за от так же все было был была быть для "
     "мы вы ты я его её их мне меня вас нас или если когда где почему кто какой какая какие можно "
     "очень только уже при без под между после до напиши объясни дай пожалуйста чтобы есть нет "
     "этот эта эти которые мой моей мои своей своих"},
    {"uk",
     "і в не на що з по як це він вона вони але а до у із за від так же все було був була бути "
     "для ми ви ти я його її їх мені мене вас нас або якщо коли де чому хто який яка які можна "
     "дуже тільки вже при без під між після напиши поясни дай будь ласка щоб є немає цей ця ці та "
     "мій моєї мої своїй "
     "й"},
};
constexpr size_t kWithWords = std::size(kCommon);
static_assert(kWithWords <= 32, "a bit for each");
constexpr int kPointsOfWord = 12;
constexpr int kPointsMin = 18;      // a word of its own, and one more that is shared by two
constexpr int kWordsMin = 3;        // fewer are a name as likely as a sentence
constexpr int kWordsPerHitMax = 7;  // of prose every third word is a common one; of code few are

// The words of all lists, found by the hash of their code points alone: open addressing in a table
// that is mostly empty.
class TableOfWords {
 public:
  TableOfWords() {
    for (size_t i = 0; i < kWithWords; ++i) {
      std::string_view left = kCommon[i].words;
      WordHash word;
      while (!left.empty()) {
        if (const AsciiLetters letters = LettersAtStart(left); letters.count > 0) {
          word.Mix(letters.lower);
          left.remove_prefix(letters.count);
        } else if (const char32_t c = Next(left); c != ' ') {
          word.Mix(c);
        } else {
          Put(std::exchange(word, {}).value(), uint32_t{1} << i);
        }
      }
      Put(word.value(), uint32_t{1} << i);
    }
  }
  // Bits of kCommon.
  uint32_t Find(uint64_t hash) const { return entries_[PlaceOf(hash)].languages; }

 private:
  struct Entry {
    uint64_t hash = 0;
    uint32_t languages = 0;  // 0: nothing is here
  };
  static constexpr size_t kPlaces = size_t{1} << 12;

  size_t PlaceOf(uint64_t hash) const {
    size_t place = hash % kPlaces;
    while (entries_[place].languages != 0 && entries_[place].hash != hash) {
      place = (place + 1) % kPlaces;
    }
    return place;
  }
  void Put(uint64_t hash, uint32_t language) {
    Entry& entry = entries_[PlaceOf(hash)];
    count_ += entry.languages == 0 ? 1 : 0;
    CHECK(count_ * 2 < kPlaces, "the table of words is at most half full");
    entry.hash = hash;
    entry.languages |= language;
  }

  std::vector<Entry> entries_ = std::vector<Entry>(kPlaces);
  size_t count_ = 0;
};

const TableOfWords& Words() {
  static const TableOfWords table;
  return table;
}

class Counts {
 public:
  void Read(std::string_view text) {
    while (!text.empty()) {
      // The letters of ASCII, which are most of most texts, and what ends a word after them.
      if (const AsciiLetters letters = LettersAtStart(text); letters.count > 0) {
        word_.Mix(letters.lower);
        in_word_ = true;
        letters_[static_cast<size_t>(Script::kLatin)] += static_cast<int>(letters.count);
        text.remove_prefix(letters.count);
        if (text.empty()) break;
        if (IsAsciiLetter(static_cast<uint8_t>(text[0]))) continue;
      }
      if (static_cast<uint8_t>(text[0]) < 0x80) {
        EndWord();
        text.remove_prefix(1);
        continue;
      }
      const char32_t c = Next(text);
      const Script script = ScriptOf(c);
      if (script == Script::kNone) {
        EndWord();
        continue;
      }
      ++letters_[static_cast<size_t>(script)];
      if (script == Script::kArabic) persian_ |= IsPersian(c);
      word_.Mix(Lower(c));
      in_word_ = true;
    }
    EndWord();
  }

  std::string_view Language() const {
    const auto of = [this](Script script) { return letters_[static_cast<size_t>(script)]; };
    int all = 0;
    for (const int count : letters_) all += count;
    const auto most_are = [all](int count) { return count * 2 > all && count >= kLettersMin; };
    // Japanese is written with kana among Han; Chinese has none.
    if (most_are((of(Script::kKana) + of(Script::kHan)) * kWeightOfSyllable)) {
      return of(Script::kKana) * 10 > of(Script::kHan) ? "ja" : "zh";
    }
    if (most_are(of(Script::kHangul) * kWeightOfSyllable)) return "ko";
    if (most_are(of(Script::kThai))) return "th";
    if (most_are(of(Script::kGreek))) return "el";
    if (most_are(of(Script::kHebrew))) return "he";
    if (most_are(of(Script::kArabic))) return persian_ ? kUnknownLanguage : "ar";
    if (most_are(of(Script::kLatin) + of(Script::kCyrillic))) return ByWords();
    return kUnknownLanguage;
  }

 private:
  static constexpr int kLettersMin = 4;
  static constexpr int kWeightOfSyllable = 3;  // one of these says as much as some letters

  void EndWord() {
    if (!std::exchange(in_word_, false)) return;
    ++words_;
    uint32_t languages = common_.Find(std::exchange(word_, {}).value());
    if (languages == 0) return;
    ++hits_;
    const int share = kPointsOfWord / std::popcount(languages);
    for (; languages != 0; languages &= languages - 1) {
      points_[static_cast<size_t>(std::countr_zero(languages))] += share;
    }
  }

  std::string_view ByWords() const {
    const auto best = std::ranges::max_element(points_);
    int next = 0;
    for (const int& points : points_) {
      if (&points != &*best) next = std::max(next, points);
    }
    const bool enough =
        words_ >= kWordsMin && *best >= kPointsMin && hits_ * kWordsPerHitMax >= words_;
    const bool clear = *best * 4 >= next * 5;  // by a quarter
    if (!enough || !clear) return kUnknownLanguage;
    return kCommon[static_cast<size_t>(best - points_.begin())].language;
  }

  const TableOfWords& common_ = Words();
  std::array<int, kScripts> letters_ = {};
  std::array<int, kWithWords> points_ = {};
  int words_ = 0;
  int hits_ = 0;
  bool persian_ = false;
  WordHash word_ = {};  // of the word that is being read, in lower case
  bool in_word_ = false;
};

}  // namespace

std::string_view LanguageOf(std::string_view text) {
  Counts counts;
  counts.Read(text.substr(0, kLanguageBytes));
  if (text.size() > kLanguageBytes) {
    counts.Read(text.substr(std::max(kLanguageBytes, text.size() - kLanguageBytes)));
  }
  return counts.Language();
}

}  // namespace weir::routing
