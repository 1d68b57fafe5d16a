#include "privacy/secret_finder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/check.h"
#include "privacy/characters.h"

namespace weir::privacy {
namespace {

using enum Type;

constexpr size_t kWindow = 512;
constexpr size_t kPrivateKeyMax = 16384;

// What may stand between a name and its value: `password": "`, `PASSWORD=`, `token => '`, `: `.
#define WEIR_ASSIGNED "[\"'\\]]{0,2}[ \\t]{0,4}(?::=|=>|==|[:=])[ \\t]{0,4}[\"'`]?"

constexpr std::string_view kTokenValue = WEIR_ASSIGNED "([A-Za-z0-9_\\-+/=.~]{16,200})";
constexpr std::string_view kPasswordValue =
    "(?:" WEIR_ASSIGNED
    "|[ \\t]{1,3}(?:is|ist|lautet|es|est)[ \\t:]{1,3}[\"'`]?"
    "|(?:是|为|は|는|은)[ \\t]{0,2}[\"'`]?)([^\\s\"'`,;<>(){}\\[\\]]{6,128})";
// In quotes anything may stand: `SECRET_KEY = 'k2#j4v&8m!'`.
constexpr std::string_view kQuotedKey =
    "[\"'\\]]{0,2}[ \\t]{0,4}(?::=|=>|==|[:=])[ \\t]{0,4}[\"'`]([^\\s\"'`\\\\<>{}]{16,200})[\"'`]";
// "correct horse battery staple": words, small, with one space between them.
constexpr std::string_view kPassphrase =
    "[\"'\\]]{0,2}[ \\t]{0,4}(?::=|=>|==|[:=])[ \\t]{0,4}[\"'`]([a-z]{3,12}(?:[ "
    "-][a-z]{3,12}){3,9})[\"'`]";
constexpr std::string_view kNameAndPassword =
    "([^\\s:/\"'<>]{0,64}:[^\\s/\"'<>]{3,128}@[A-Za-z0-9\\[])";

constexpr SecretRule kRules[] = {
    {kApiKey, "sk-ant-", "(sk-ant-[A-Za-z0-9_-]{20,200})", false, true, 1, 3.0},
    {kApiKey, "sk-proj-", "(sk-proj-[A-Za-z0-9_-]{20,200})", false, true, 1, 3.0},
    {kApiKey, "sk-or-v1-", "(sk-or-v1-[0-9a-f]{64})", false, true, 1, 3.0},
    {kApiKey, "sk-", "(sk-[A-Za-z0-9_-]{20,200})", false, true, 2, 3.5},
    {kApiKey, "weir_sk_", "(weir_sk_[A-Za-z0-9_-]{43})", false, true, 1, 3.5},
    {kApiKey, "ghp_", "(ghp_[A-Za-z0-9]{36,251})", false, true, 1, 3.0},
    {kApiKey, "gho_", "(gho_[A-Za-z0-9]{36,251})", false, true, 1, 3.0},
    {kApiKey, "ghu_", "(ghu_[A-Za-z0-9]{36,251})", false, true, 1, 3.0},
    {kApiKey, "ghs_", "(ghs_[A-Za-z0-9]{36,251})", false, true, 1, 3.0},
    {kApiKey, "ghr_", "(ghr_[A-Za-z0-9]{36,251})", false, true, 1, 3.0},
    {kApiKey, "github_pat_", "(github_pat_[A-Za-z0-9_]{40,251})", false, true, 1, 3.0},
    {kApiKey, "glpat-", "(glpat-[A-Za-z0-9_-]{20,100})", false, true, 1, 3.0},
    {kApiKey, "akia", "(AKIA[A-Z2-7]{16})", false, true, 0, 3.0},
    {kApiKey, "asia", "(ASIA[A-Z2-7]{16})", false, true, 1, 3.0},
    {kApiKey, "aiza", "(AIza[A-Za-z0-9_-]{35})", false, true, 1, 3.0},
    {kApiKey, "ya29.", "(ya29\\.[A-Za-z0-9_-]{20,300})", false, true, 1, 3.0},
    {kApiKey, "gocspx-", "(GOCSPX-[A-Za-z0-9_-]{28})", false, true, 1, 3.0},
    {kApiKey, "sk_live_", "(sk_live_[A-Za-z0-9]{16,200})", false, true, 1, 3.0},
    {kApiKey, "rk_live_", "(rk_live_[A-Za-z0-9]{16,200})", false, true, 1, 3.0},
    {kApiKey, "sk_test_", "(sk_test_[A-Za-z0-9]{16,200})", false, true, 1, 3.0},
    {kApiKey, "whsec_", "(whsec_[A-Za-z0-9+/=]{24,100})", false, true, 1, 3.0},
    {kApiKey, "xoxb-", "(xoxb-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "xoxp-", "(xoxp-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "xoxa-", "(xoxa-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "xoxs-", "(xoxs-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "xoxr-", "(xoxr-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "xapp-", "(xapp-[0-9]-[A-Za-z0-9-]{20,200})", false, true, 2, 2.5},
    {kApiKey, "hooks.slack.com/services/", "/?(T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{16,40})",
     true, false, 1, 3.0},
    {kApiKey, "sg.", "(SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{16,64})", false, true, 1, 3.5},
    {kApiKey, "npm_", "(npm_[A-Za-z0-9]{36})", false, true, 1, 3.5},
    {kApiKey, "pypi-ageichlwas5vcmc", "(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,300})", false, true, 1,
     3.5},
    {kApiKey, "dop_v1_", "(dop_v1_[a-f0-9]{64})", false, true, 1, 3.0},
    {kApiKey, "hf_", "(hf_[A-Za-z0-9]{30,40})", false, true, 0, 3.5},
    {kApiKey, "gsk_", "(gsk_[A-Za-z0-9]{40,60})", false, true, 1, 3.5},
    {kApiKey, "r8_", "(r8_[A-Za-z0-9]{30,45})", false, true, 1, 3.5},
    {kApiKey, "nvapi-", "(nvapi-[A-Za-z0-9_-]{40,100})", false, true, 1, 3.5},
    {kApiKey, "xai-", "(xai-[A-Za-z0-9]{60,100})", false, true, 1, 3.5},
    {kApiKey, "shpat_", "(shpat_[a-fA-F0-9]{32})", false, true, 1, 2.5},
    {kApiKey, "shpss_", "(shpss_[a-fA-F0-9]{32})", false, true, 1, 2.5},
    {kApiKey, "dckr_pat_", "(dckr_pat_[A-Za-z0-9_-]{20,60})", false, true, 1, 3.0},
    {kApiKey, "glsa_", "(glsa_[A-Za-z0-9]{32}_[a-f0-9]{8})", false, true, 1, 3.0},
    {kApiKey, "hvs.", "(hvs\\.[A-Za-z0-9_-]{24,200})", false, true, 1, 3.0},
    {kApiKey, "lin_api_", "(lin_api_[A-Za-z0-9]{40})", false, true, 1, 3.0},
    {kApiKey, "figd_", "(figd_[A-Za-z0-9_-]{40,60})", false, true, 1, 3.0},
    {kApiKey, "atatt3", "(ATATT3[A-Za-z0-9_=-]{60,250})", false, true, 1, 3.0},
    {kApiKey, "sq0atp-", "(sq0atp-[A-Za-z0-9_-]{22})", false, true, 1, 3.0},
    {kApiKey, "sq0csp-", "(sq0csp-[A-Za-z0-9_-]{43})", false, true, 1, 3.0},
    {kApiKey, "dapi", "(dapi[a-h0-9]{32})", false, true, 4, 2.5},
    {kApiKey, "tskey-", "(tskey-[a-z]{3,10}-[A-Za-z0-9-]{16,80})", false, true, 1, 3.0},
    {kApiKey, ":aa", "(:AA[A-Za-z0-9_-]{32,35})", false, false, 1, 3.5, 60},  // Telegram's bots
    {kPrivateKey, "age-secret-key-1", "(AGE-SECRET-KEY-1[A-Z0-9]{58})", false, true, 1, 3.0},
    {kPrivateKey, "-----begin", "(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)", false,
     false, 0, 0, 99},
    {kPrivateKey, "client-key-data", "[\"']?[ \\t]{0,4}:[ \\t]{0,4}[\"']?([A-Za-z0-9+/=]{100,400})",
     true, false, 1, 3.5},
    {kJwt, "eyj", "(eyJ[A-Za-z0-9_-]{10,400}\\.eyJ[A-Za-z0-9_-]{6,1000}\\.[A-Za-z0-9_-]{10,400})",
     false, true, 1, 3.5},
    {kConnectionString, "://", kNameAndPassword, true, false, 0, 0, 90},
    {kConnectionString, "accountkey", "=([A-Za-z0-9+/]{40,100}={0,2})", true, false, 1, 3.5},
    {kConnectionString, "sharedaccesskey", "=([A-Za-z0-9+/]{30,100}={0,2})", true, false, 1, 3.5},
    {kAuthHeader, "authorization",
     "[\"']?[ \\t]{0,2}[:=][ \\t]{0,4}[\"']?(?i:bearer|basic|token|digest)[ "
     "\\t]{1,3}([A-Za-z0-9._~+/=-]{8,400})",
     true, false, 0, 2.5},
    {kAuthHeader, "bearer ", "[ \\t]{0,3}([A-Za-z0-9._~+/=-]{20,400})", true, true, 2, 3.2, 85},
    {kAuthHeader, "x-api-key", "[\"']?[ \\t]{0,2}[:=][ \\t]{0,4}[\"']?([A-Za-z0-9._~+/=-]{12,200})",
     true, false, 1, 3.0},
    {kCookie, "cookie",
     "[\"']?[ \\t]{0,2}:[ \\t]{0,4}[\"']?[A-Za-z0-9_.-]{1,64}=([^\\s;\"']{8,400})", true, false, 1,
     2.5, 85},
    {kPassword, "password", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "passwd", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "passwort", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "passphrase", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "kennwort", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "contrasena", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "mot de passe", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "wachtwoord", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "password", kPassphrase, true, false, 0, 0, 75},
    {kPassword, "passphrase", kPassphrase, true, false, 0, 0, 75},
    {kPassword, "haslo", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "sifre", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "parola", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "senha", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "heslo", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "jelszo", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "salasana", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "losenord", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "passord", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "пароль", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "Пароль", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "парола", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "κωδικός", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "密码", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "密碼", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "口令", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "パスワード", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "비밀번호", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "암호", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "كلمة المرور", kPasswordValue, true, false, 0, 2.0, 85},
    {kPassword, "pwd", kPasswordValue, true, false, 0, 2.0, 75},
    {kPassword, "_pass", kPasswordValue, true, false, 0, 2.0, 75},
    {kApiKey, "secret", kTokenValue, true, false, 2, 3.3, 85},
    {kApiKey, "secret_key", kTokenValue, true, false, 2, 3.0, 90},
    {kApiKey, "secretkey", kTokenValue, true, false, 2, 3.0, 90},
    {kApiKey, "secret_key", kQuotedKey, true, false, 1, 3.0, 90},
    {kApiKey, "secretkey", kQuotedKey, true, false, 1, 3.0, 90},
    {kApiKey, "access_key", kTokenValue, true, false, 2, 3.0, 90},
    {kApiKey, "accesskey", kTokenValue, true, false, 2, 3.0, 90},
    {kApiKey, "api_key", kTokenValue, true, false, 1, 3.0, 90},
    {kApiKey, "apikey", kTokenValue, true, false, 1, 3.0, 90},
    {kApiKey, "api-key", kTokenValue, true, false, 1, 3.0, 90},
    {kApiKey, "api key",
     "(?:[ \\t]{1,2}(?:is|ist))?[ \\t]{0,2}[:=]?[ \\t]{1,3}[\"'`]?([A-Za-z0-9_\\-+/=.~]{16,200})",
     true, false, 2, 3.2, 85},
    {kApiKey, "auth_key", kTokenValue, true, false, 2, 3.2, 85},
    {kApiKey, "signing_key", kTokenValue, true, false, 2, 3.2, 85},
    {kApiKey, "encryption_key", kTokenValue, true, false, 2, 3.2, 85},
    {kApiKey, "token", kTokenValue, true, false, 2, 3.5, 85},
    {kApiKey, "credential", kTokenValue, true, false, 2, 3.5, 80},
};

struct Place {
  size_t begin = 0;
  size_t end = 0;
};

// A name in a program, not a value: "os.environ", "config.password", "settings.API_TOKEN".
bool IsReference(std::string_view text) {
  const bool word =
      std::ranges::all_of(text, [](char c) { return IsLetter(c) || c == '_' || c == '.'; });
  return word && text.find_first_of("._") != std::string_view::npos;
}

// Words that stand where a password would: types, states, and the word itself.
bool IsNameOfValue(std::string_view text) {
  constexpr std::string_view kNames[] = {
      "boolean",   "changed",  "confirm",   "correct",  "credentials", "current",  "custom",
      "default",   "disabled", "empty",     "enabled",  "expired",     "forgot",   "hidden",
      "incorrect", "invalid",  "kennwort",  "length",   "masked",      "mismatch", "missing",
      "nothing",   "number",   "object",    "optional", "passphrase",  "passwd",   "password",
      "passwords", "passwort", "private",   "prompt",   "repeat",      "required", "reset",
      "secret",    "string",   "undefined", "unknown",  "update",      "username", "wachtwoord",
      "weak",      "wrong"};
  return std::ranges::any_of(
      kNames, [&](std::string_view name) { return std::ranges::equal(text, name, {}, Lower); });
}

// Letters alone are a password in quotes, or where a variable of the environment gets it:
// `POSTGRES_PASSWORD=supersecretpassword`, `"password": "letmein"`.
bool IsGivenAsPassword(std::string_view text, const Place& name, const Place& value) {
  const std::string_view secret = text.substr(value.begin, value.end - value.begin);
  if (!std::ranges::all_of(secret, IsLetter) || IsNameOfValue(secret)) return false;
  const char open = text[value.begin - 1];
  const bool quoted = open == '"' || open == '\'' || open == '`';
  // "Wiederholen" is what a form shows.
  const bool shown = IsUpper(secret[0]) && std::ranges::all_of(secret.substr(1), IsLower);
  if (quoted) return !shown && value.end < text.size() && text[value.end] == open;
  const bool capitals = std::ranges::all_of(text.substr(name.begin, name.end - name.begin),
                                            [](char c) { return !IsLower(c); });
  const bool alone = value.end == text.size() || text[value.end] == '\n' ||
                     text[value.end] == '\r' || text[value.end] == ' ';
  return capitals && open == '=' && alone;
}

// "is too short" is no passphrase.
bool HasWordOfSentence(std::string_view text) {
  constexpr std::string_view kWords[] = {
      "and", "any",  "are",    "because", "been", "can",   "cannot", "does", "enter", "field",
      "for", "from", "has",    "have",    "into", "least", "match",  "must", "new",   "not",
      "old", "one",  "please", "same",    "than", "that",  "the",    "then", "this",  "too",
      "use", "user", "was",    "when",    "will", "with",  "you",    "your"};
  while (!text.empty()) {
    const size_t space = std::min(text.find_first_of(" -"), text.size());
    if (std::ranges::binary_search(kWords, text.substr(0, space))) return true;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return false;
}

bool LooksLikePassword(std::string_view text) {
  const bool digit = std::ranges::any_of(text, IsDigit);
  const bool letter = std::ranges::any_of(text, IsLetter);
  const bool sign = std::ranges::any_of(
      text, [](char c) { return !IsWord(c) && c != '.' && c != '_' && c != '-'; });
  return (digit && letter) || (sign && letter) || (digit && text.size() >= 8);
}

}  // namespace

double Entropy(std::string_view text) {
  std::array<int, 256> count = {};
  for (const char c : text) ++count[static_cast<unsigned char>(c)];
  const auto size = static_cast<double>(text.size());
  double bits = 0;
  for (const int n : count) {
    if (n > 0) bits -= n / size * std::log2(n / size);
  }
  return bits;
}

bool IsPlaceholder(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  constexpr std::string_view kWords[] = {"example",
                                         "your",
                                         "changeme",
                                         "change_me",
                                         "placeholder",
                                         "xxxx",
                                         "****",
                                         "....",
                                         "<",
                                         "${",
                                         "{{",
                                         "$(",
                                         "%(",
                                         "dummy",
                                         "redacted",
                                         "insert",
                                         "todo",
                                         "fixme",
                                         "1234567890abcdef",
                                         "abcdefgh",
                                         "env.",
                                         "process."};
  const bool known = std::ranges::any_of(
      kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
  return known || lower.starts_with('$') || lower.starts_with('%') || Entropy(lower) < 1.0;
}

SecretFinder::SecretFinder() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // bytes; text of any script passes
  for (const SecretRule& rule : kRules) {
    patterns_.push_back(std::make_unique<re2::RE2>(
        re2::StringPiece(rule.pattern.data(), rule.pattern.size()), options));
    CHECK(patterns_.back()->ok() && patterns_.back()->NumberOfCapturingGroups() == 1,
          "a rule's pattern has one group");
  }
}

std::span<const SecretRule> SecretFinder::Rules() { return kRules; }

void SecretFinder::Find(Scan& scan, size_t index, size_t begin, size_t end) const {
  const SecretRule& rule = kRules[index];
  const std::string_view text = scan.text();
  if (rule.word && WordGoesOnBefore(text, begin)) return;
  const size_t from = rule.after ? end : begin;
  const size_t window = rule.type == kJwt ? 4 * kWindow : kWindow;
  const std::string_view rest = text.substr(from, window);
  re2::StringPiece groups[2];
  if (!patterns_[index]->Match({rest.data(), rest.size()}, 0, rest.size(), re2::RE2::ANCHOR_START,
                               groups, 2))
    return;
  const std::string_view secret(groups[1].data(), groups[1].size());
  size_t first = static_cast<size_t>(secret.data() - text.data());
  size_t last = first + secret.size();
  if (rule.type == kPrivateKey && rule.anchor == "-----begin") {
    const size_t foot = text.substr(last, kPrivateKeyMax).find("-----END");
    if (foot != std::string_view::npos) last = std::min(text.find('\n', last + foot), text.size());
    return scan.Add(first, last, rule.type, rule.score);
  }
  const bool call = last < text.size() && (text[last] == '(' || text[last] == '[');
  if (call || IsPlaceholder(secret) || std::ranges::count_if(secret, IsDigit) < rule.digits_min)
    return;
  if (rule.entropy_min > 0 && Entropy(secret) < rule.entropy_min) return;
  if (rule.pattern == kPassphrase) {
    if (HasWordOfSentence(secret)) return;
  } else if (rule.type == kPassword) {
    const bool password =
        LooksLikePassword(secret) || IsGivenAsPassword(text, {begin, end}, {first, last});
    if (!password || IsReference(secret)) return;
  }
  if (rule.type == kConnectionString && rule.anchor == "://") {
    // The host's first character was there to know that one follows.
    last -= 2;
    const size_t colon = secret.rfind(':', secret.size() - 3);
    const std::string_view password = secret.substr(colon + 1, secret.size() - colon - 3);
    if (IsPlaceholder(password) || password == "password" || password == "pass") return;
  }
  scan.Add(first, last, rule.type, rule.score);
}

}  // namespace weir::privacy
