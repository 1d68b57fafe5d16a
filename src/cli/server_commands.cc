// config check and show, version, completion.
#include <fmt/core.h>

#include <algorithm>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "config/show.h"
#include "json/writer.h"
#include "ledger/from_settings.h"
#include "privacy/detectors_from_settings.h"
#include "routing/from_settings.h"

namespace weir::cli {
int CheckConfig(const Common&, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  // What the server refuses at its start and on reload.
  std::vector<std::string> problems = routing::PolicyProblems(*settings);
  for (std::string& problem : privacy::DetectorProblems(*settings)) {
    problems.push_back(std::move(problem));
  }
  for (const std::string& problem : problems) fmt::print(stderr, "weir: {}\n", problem);
  if (!problems.empty()) return static_cast<int>(Exit::kFailed);
  for (const std::string& line : routing::WithoutEffect(*settings)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  const auto prices = ledger::PricesOf(*settings);
  if (!prices) return Report(prices.error());
  for (const std::string& line : ledger::MoneyNotes(*settings, *prices)) {
    fmt::print(stderr, "weir: {}\n", line);
  }
  fmt::print("{}: good\n", settings->file.empty() ? "the defaults" : settings->file);
  return 0;
}

int ShowConfig(const Common&, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  fmt::print("{}", config::Show(*settings));
  return 0;
}

int Version(const Common& common) {
  if (common.json) {
    fmt::print("{{\"version\":\"{}\"}}\n", WEIR_VERSION);
  } else {
    fmt::print("weir {}\n", WEIR_VERSION);
  }
  return 0;
}

int Completion(const std::string& shell, const std::string& commands) {
  // Whose first argument is a stored model.
  constexpr std::string_view kOfModels =
      "run|show|rm|cp|outdated|update|stop|bench|embed|classify|quantize";
  if (shell == "bash") {
    fmt::print(
        "_weir() {{\n"
        "  local word=${{COMP_WORDS[COMP_CWORD]}}\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '{0}' -- \"$word\")); "
        "return; fi\n"
        "  case ${{COMP_WORDS[1]}} in\n"
        "    {1}) COMPREPLY=($(compgen -W \"$(weir list --json 2>/dev/null |"
        " grep -o '\"name\":\"[^\"]*' | cut -d'\"' -f4)\" -- \"$word\")) ;;\n"
        "    keys) COMPREPLY=($(compgen -W 'create list revoke' -- \"$word\")) ;;\n"
        "    route) COMPREPLY=($(compgen -W 'explain' -- \"$word\")) ;;\n"
        "    policy) COMPREPLY=($(compgen -W 'check show' -- \"$word\")) ;;\n"
        "    backend) COMPREPLY=($(compgen -W 'add list probe' -- \"$word\")) ;;\n"
        "    config) COMPREPLY=($(compgen -W 'check show' -- \"$word\")) ;;\n"
        "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")) ;;\n"
        "  esac\n"
        "}}\n"
        "complete -o default -F _weir weir\n",
        commands, kOfModels);
    return 0;
  }
  if (shell == "zsh") {
    fmt::print(
        "#compdef weir\n"
        "_weir() {{\n"
        "  if (( CURRENT == 2 )); then compadd {0}; return; fi\n"
        "  case $words[2] in\n"
        "    {1}) compadd ${{(f)\"$(weir list --json 2>/dev/null | grep -o"
        " '\"name\":\"[^\"]*' | cut -d'\"' -f4)\"}} ;;\n"
        "    keys) compadd create list revoke ;;\n"
        "    route) compadd explain ;;\n"
        "    policy) compadd check show ;;\n"
        "    backend) compadd add list probe ;;\n"
        "    config) compadd check show ;;\n"
        "    completion) compadd bash zsh fish ;;\n"
        "  esac\n"
        "}}\n"
        // As an autoloaded file this text is the function itself.
        "if [[ $funcstack[1] = _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi\n",
        commands, kOfModels);
    return 0;
  }
  if (shell == "fish") {
    std::string of_models(kOfModels);
    std::ranges::replace(of_models, '|', ' ');
    fmt::print(
        "complete -c weir -f -n __fish_use_subcommand -a '{0}'\n"
        "complete -c weir -f -n '__fish_seen_subcommand_from {1}' -a "
        "\"(weir list --json 2>/dev/null | string match -ra '(?<=\\\"name\\\":\\\")[^\\\"]*')\"\n"
        "complete -c weir -f -n '__fish_seen_subcommand_from keys' -a 'create list revoke'\n"
        "complete -c weir -f -n '__fish_seen_subcommand_from policy' -a 'check show'\n"
        "complete -c weir -f -n '__fish_seen_subcommand_from backend' -a 'add list probe'\n",
        commands, of_models);
    return 0;
  }
  fmt::print(stderr, "weir: completion takes bash, zsh or fish\n");
  return static_cast<int>(Exit::kUsage);
}

}  // namespace weir::cli
