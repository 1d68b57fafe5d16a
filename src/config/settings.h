// Everything an operator can set, as plain values, each with the place that it came from. Read by
// config/load.h; module options are filled from it in app/, and nothing below app/ sees it.
// docs/formats/configuration.md describes the file.
//
// Units: durations as Duration (kForever for "forever"), sizes in bytes, money in 1e-12 of the
// currency ("pico").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "chat/label.h"

namespace weir::config {

inline constexpr Duration kForever = Duration::max();

enum class Origin : uint8_t { kDefault, kFile, kEnvironment, kFlag };

struct Place {
  Origin origin = Origin::kDefault;
  uint32_t line = 0;  // from 1, in Settings::file; 0 when it is not from the file
  uint32_t column = 0;
};

template <class T>
struct Setting {
  T value{};
  Place place = {};

  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

using Text = Setting<std::string>;
using Names = Setting<std::vector<std::string>>;
template <class T>
using Optional = Setting<std::optional<T>>;  // nothing: nobody said, which is neither no nor zero

enum class Tier : uint8_t { kDevice, kEdge, kCloud };
std::string_view TierName(Tier tier);

enum class BackendKind : uint8_t {
  kEngine,
  kOpenAi,
  kAnthropic,
  kGemini,
  kOllama,
  kWhisper,
  kImages
};
std::string_view BackendKindName(BackendKind kind);

struct Endpoint {
  std::string host = {};  // a numeric address without brackets, or "localhost"
  uint16_t port = 0;      // 0: any free one

  bool operator==(const Endpoint&) const = default;
};
std::string ToText(const Endpoint& endpoint);  // "[::1]:9347"

// What one request, connection or queue may cost. reliability figures, see DESIGN.md.
struct Limits {
  Setting<int64_t> body{32 << 20};    // bytes of a request
  Setting<int64_t> model_changes{4};  // by clients, at once of a kind; 0: clients change no models
  Setting<int64_t> upload{int64_t{64} << 30};  // bytes of a model file that a client sends
  Setting<int64_t> headers{32 << 10};          // bytes of all header lines
  Setting<int64_t> header_line{8 << 10};       // bytes of one
  Setting<int64_t> header_count{100};
  Setting<int64_t> json_depth{128};
  Setting<Duration> header_timeout{std::chrono::seconds(10)};
  Setting<Duration> idle_timeout{std::chrono::seconds(60)};  // of a kept-alive connection
  Setting<Duration> stall_timeout{
      std::chrono::seconds(30)};  // of a client that does not read its stream
  Setting<Duration> heartbeat{std::chrono::seconds(15)};  // a comment in a silent stream
  Setting<int64_t> connections{10'000};
  Setting<int64_t> queue{512};         // requests that wait, in all
  Setting<int64_t> queue_per_key{64};  // and of one key
  Setting<int64_t> stream_buffer{256
                                 << 10};   // bytes held for one client before its generation pauses
  Setting<int64_t> choices{8};             // n
  Setting<int64_t> output_tokens{4096};    // of an answer whose request does not say
  Setting<int64_t> kept_answers{100'000};  // of one key, for clients that refer back; 0: none
  Setting<Duration> kept_for{std::chrono::hours(24 * 30)};  // since they were used last
  Setting<int64_t> kept_files{int64_t{4} << 30};  // bytes of /v1/files of one tenant; 0: none
  Setting<int64_t> kept_decisions{100'000};       // for replay and learning; 0: none
  Setting<Duration> kept_decisions_for{std::chrono::hours(24 * 35)};
};

struct EnergyPrice {
  Text currency = {};              // three capital letters; empty when nobody said a price
  Optional<int64_t> per_kwh = {};  // pico
};

// The engines of this machine, all of them.
struct Engine {
  Setting<Duration> step_timeout{std::chrono::minutes(2)};  // a longer step counts as hung
  Setting<int64_t> restarts{3};                             // of one model, within restart_window
  Setting<Duration> restart_window{std::chrono::seconds(60)};
  Setting<int64_t> memory{0};  // bytes for all loaded models together; 0: a share of the machine's
  Setting<int64_t> models{4};  // that may be loaded at once
  Setting<int64_t> watts{0};   // that this machine draws while it computes; 0: nobody said
  EnergyPrice energy_price = {};
};

struct Backend {
  Place place = {};
  Text name = {};
  Setting<BackendKind> kind = {};
  Setting<Tier> tier = {};
  Text url = {};                      // empty for the engine
  Setting<chat::Label> ceiling = {};  // the highest label that may go there
  Text key_env = {};                  // at most one of these two is set
  Text key_file = {};
  Text ca_file = {};
  Text region = {};
  Text preset = {};     // a known server of this kind, whose quirks it has; empty: the vendor's own
  Names replicas = {};  // further urls of the same models
  Text proxy = {};      // http://host:port; empty: none, whatever the environment says
  // The server itself: a program of this machine and its arguments, which the launcher runs. Empty:
  // somebody else does.
  Names command = {};
  Text health = {"/health"};  // where it says that it is ready; /api/version of kind ollama
  Setting<Duration> start_timeout{std::chrono::minutes(10)};  // until it says so
  Setting<Duration> health_timeout{
      std::chrono::seconds(60)};      // without a good answer, then it counts as hung
  Setting<bool> allow_public{false};  // edge and device: public addresses too
  Setting<int64_t> concurrency{64};   // calls under way, for each replica
  Setting<int64_t> queue{256};        // calls that wait for one of those
  Setting<int64_t> retries{1};        // further attempts at the same target
  Setting<Duration> connect_timeout{std::chrono::seconds(10)};
  Setting<Duration> first_byte_timeout{std::chrono::seconds(120)};
  Setting<bool> whole_answers{true};  // asked for where the client wants one; else a stream always
  Setting<Duration> whole_timeout{std::chrono::minutes(10)};  // until such an answer is there
  Setting<Duration> gap_timeout{std::chrono::seconds(60)};
  Setting<Duration> total_timeout{std::chrono::hours(1)};
};

// Pico of `currency` for one token (a price of 0.001 per million tokens is 1000), or for a minute.
struct Price {
  Text currency = {};  // three capital letters; empty when nothing is priced
  Optional<int64_t> input = {};
  Optional<int64_t> cached_input = {};
  Optional<int64_t> output = {};
  Optional<int64_t> per_minute = {};  // of sound
};

struct Target {
  Place place = {};
  Text name = {};
  Text backend = {};
  Text model = {};
  Optional<int64_t> context = {};  // tokens
  Optional<int64_t> max_output = {};
  Optional<bool> vision = {};
  Optional<bool> audio = {};          // in chats
  Optional<bool> transcription = {};  // speech to text; absent: of a backend of kind whisper
  Optional<bool> tools = {};
  Optional<bool> json_schema = {};
  Optional<bool> reasoning = {};
  Optional<int64_t> prefill_tokens_per_s = {};
  Optional<int64_t> decode_tokens_per_s = {};
  Price price = {};
};

// Patterns are names with * and ?; an empty one matches everything.
struct LabelRule {
  Place place = {};
  Text project = {};
  Text key = {};
  Text tenant = {};
  Text user = {};
  Text model = {};
  Setting<chat::Label> label = {};
};

// [[detector]]: words or a pattern of the operator's own, or what becomes of a built-in type
// (kDetectorTypes).
struct Detector {
  Place place = {};
  Text name = {};
  Names words = {};  // an own one has these or a pattern
  Text pattern = {};
  Optional<chat::Label> label = {};  // of an own one always there
  Setting<bool> enabled{true};       // of a built-in type
};

struct CloudShareMax {
  double share = 0;  // 0 to 1
};
struct CostPerDayMax {
  int64_t pico = 0;
  std::string currency = "USD";
};
struct QualityMin {
  double quality = 0;  // 0 to 1
};
using Goal = std::variant<std::monostate, CloudShareMax, CostPerDayMax, QualityMin>;

struct Route {
  Place place = {};
  std::string name = {};
  Names targets = {};  // a target, a local model, or backend/model
  Setting<Goal> goal = {};
  Optional<double> min_confidence = {};  // 0 to 1
  Setting<bool> buffer = {};
  Setting<bool> neighbours = {};
};

// A condition on a feature with a finite domain; all of a rule's must hold.
struct Condition {
  Place place = {};
  std::string feature = {};                                 // one of kFlagFeatures or kNameFeatures
  std::variant<bool, std::vector<std::string>> is = false;  // a flag, or any of these names
};

struct Rule {
  Place place = {};
  std::vector<Condition> when = {};
  Names use = {};      // empty: no restriction
  Names regions = {};  // "local" is this machine and the edge
};

// Shared by all that it covers. Patterns; an empty list covers everybody, and at least one is
// given.
struct Budget {
  Place place = {};
  std::string name = {};
  Names keys = {};  // names of keys
  Names projects = {};
  Names tenants = {};
  Names users = {};
  Text currency = {"USD"};
  Optional<int64_t> per_day = {};  // pico
  Optional<int64_t> per_week = {};
  Optional<int64_t> per_month = {};
  Optional<int64_t> total = {};
  Setting<bool> hard = {};
  Setting<bool> refuses = {};  // when_empty = "refuse"; else a target that costs less may answer
};

// What the engine may keep keys and values as; libllama's names.
inline constexpr std::string_view kCellTypes[] = {"f32",  "f16",  "bf16", "q8_0",  "q5_1",
                                                  "q5_0", "q4_1", "q4_0", "iq4_nl"};

// [model."qwen2.5-coder:0.5b"]: how the engine runs a local model.
struct Model {
  Place place = {};
  std::string name = {};
  Text file = {};                       // a GGUF outside the store
  Text projector = {};                  // likewise, beside `file`: images into its embedding space
  Optional<int64_t> context = {};       // tokens, for all slots together
  Optional<int64_t> parallel = {};      // requests decoded together
  Optional<int64_t> batch = {};         // tokens of one step
  Optional<int64_t> micro_batch = {};   // of these, computed together; at most batch
  Optional<bool> flash_attention = {};  // absent: as the engine chooses
  Optional<bool> prompt_lookup = {};    // draft tokens from the text itself; absent: on
  Text kv_type_k = {};                  // one of kCellTypes; empty: f16
  Text kv_type_v = {};
  Optional<int64_t> threads = {};
  // Of a build for GPUs; absent: as their free memory allows.
  Optional<int64_t> gpu_layers = {};
  Setting<std::vector<double>> tensor_split = {};  // shares of the GPUs, in their order
  Optional<int64_t> cpu_moe_layers = {};  // layers whose experts stay in the machine's memory
  Optional<Duration> keep_alive = {};
  Setting<bool> preload = {};
};

inline constexpr std::string_view kBuiltInPrices = "built-in";
inline constexpr std::string_view kBuiltInPrediction = "built-in";
inline constexpr std::string_view kBuiltInCalibration = "built-in";

struct Settings {
  std::string file = {};  // the configuration file that was read; empty when there is none
  // What stood in files that are named below when the launcher read them, by path: a process that
  // is closed off cannot. What is not here is read where it lies (named_files.h).
  std::map<std::string, std::string> named_files = {};

  Setting<std::vector<Endpoint>> listen{{{"127.0.0.1", 9347}}};
  Setting<chat::Label> default_label{chat::Label::kInternal};
  Setting<Duration> drain_timeout{std::chrono::seconds(30)};
  Setting<Duration> keep_alive{std::chrono::minutes(5)};    // of an idle model
  Setting<Duration> load_timeout{std::chrono::minutes(5)};  // of a model that shows no progress
  Text log_level{"info"};
  Text data = {};                                    // folder; $XDG_DATA_HOME/weir
  Text models = {};                                  // folder; models in the data folder
  Text prices{std::string(kBuiltInPrices)};          // file of prices in place of the one built in
  Text prediction{std::string(kBuiltInPrediction)};  // file of weights in place of those built in
  Text calibration{std::string(kBuiltInCalibration)};  // file of gates, beside those built in
  Limits limits = {};
  Engine engine = {};

  std::vector<Backend> backends = {};
  std::vector<Target> targets = {};
  std::vector<LabelRule> labels = {};
  std::vector<Detector> detectors = {};
  std::vector<Route> routes = {};
  std::vector<Rule> rules = {};
  std::vector<Budget> budgets = {};
  std::vector<Model> model_settings = {};
};

// The files outside the model store that the settings of models name.
std::vector<std::string> ModelFilesOf(const Settings& settings);

inline constexpr std::string_view kFlagFeatures[] = {"images", "audio",     "tools",
                                                     "schema", "reasoning", "online"};
inline constexpr std::string_view kNameFeatures[] = {"project", "key",  "tenant", "user",
                                                     "model",   "task", "label",  "language"};

// What a rule on `language` may name (routing/language.h, with which from_settings.cc compares it).
inline constexpr std::string_view kLanguageNames[] = {
    "en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "no", "fi", "pl", "cs",
    "hu", "ro", "tr", "ru", "uk", "el", "he", "ar", "ja", "zh", "ko", "th", "unknown"};

// What a rule on `task` may name (routing/decision.h; unknown_names_test.cc compares them).
inline constexpr std::string_view kTaskNames[] = {"generate", "embed", "score", "rank",
                                                  "transcribe"};

// What the detectors know (privacy/entity_types.h, whose test holds both lists together).
inline constexpr std::string_view kDetectorTypes[] = {"email",
                                                      "phone",
                                                      "ip_address",
                                                      "mac_address",
                                                      "name",
                                                      "address",
                                                      "date_of_birth",
                                                      "location",
                                                      "card",
                                                      "iban",
                                                      "bank_account",
                                                      "crypto_wallet",
                                                      "passport",
                                                      "driver_licence",
                                                      "medical_record",
                                                      "imei",
                                                      "vin",
                                                      "mrz",
                                                      "us_ssn",
                                                      "us_itin",
                                                      "us_aba_routing",
                                                      "us_npi",
                                                      "us_mbi",
                                                      "us_dea",
                                                      "ca_sin",
                                                      "mx_curp",
                                                      "mx_rfc",
                                                      "br_cpf",
                                                      "br_cnpj",
                                                      "uk_nhs",
                                                      "uk_nino",
                                                      "uk_driving_licence",
                                                      "de_tax_id",
                                                      "de_tax_number",
                                                      "de_pension",
                                                      "de_health",
                                                      "de_id_card",
                                                      "de_vat",
                                                      "de_doctor",
                                                      "at_svnr",
                                                      "ch_ahv",
                                                      "nl_bsn",
                                                      "be_national",
                                                      "fr_nir",
                                                      "fr_siren",
                                                      "fr_siret",
                                                      "es_nif",
                                                      "pt_nif",
                                                      "it_fiscal_code",
                                                      "it_vat",
                                                      "pl_pesel",
                                                      "cz_birth_number",
                                                      "ro_cnp",
                                                      "bg_egn",
                                                      "hr_oib",
                                                      "tr_tckn",
                                                      "fi_hetu",
                                                      "se_personnummer",
                                                      "se_organisation",
                                                      "dk_cpr",
                                                      "no_fodselsnummer",
                                                      "in_aadhaar",
                                                      "in_pan",
                                                      "in_gstin",
                                                      "in_voter",
                                                      "kr_rrn",
                                                      "kr_brn",
                                                      "jp_my_number",
                                                      "cn_resident_id",
                                                      "sg_nric",
                                                      "sg_uen",
                                                      "th_id",
                                                      "ph_tin",
                                                      "au_abn",
                                                      "au_acn",
                                                      "au_tfn",
                                                      "au_medicare",
                                                      "za_id",
                                                      "ng_nin",
                                                      "api_key",
                                                      "jwt",
                                                      "private_key",
                                                      "password",
                                                      "connection_string",
                                                      "auth_header",
                                                      "cookie"};

}  // namespace weir::config
