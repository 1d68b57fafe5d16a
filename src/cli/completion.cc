#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace weir::cli {
namespace {

// Whose arguments are names of stored models.
constexpr std::array<std::string_view, 11> kOfModels = {"run",      "show",     "rm",      "cp",
                                                        "outdated", "update",   "stop",    "bench",
                                                        "embed",    "classify", "quantize"};
constexpr std::string_view kNames =
    R"(weir list --json 2>/dev/null | grep -o '"name":"[^"]*' | cut -d'"' -f4)";

std::string Joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::string NamesOf(const std::vector<CommandWords>& commands) {
  std::vector<std::string> names;
  for (const CommandWords& command : commands) names.push_back(command.name);
  return Joined(names);
}

// A branch of `case` for each command that has words of a kind; `line` makes what stands in it.
template <class Words, class Line>
std::string Branches(const std::vector<CommandWords>& commands, Words words, Line line,
                     std::string_view indent) {
  std::string text;
  for (const CommandWords& command : commands) {
    const std::vector<std::string>& list = command.*words;
    if (!list.empty())
      text += fmt::format("{}{}) {} ;;\n", indent, command.name, line(Joined(list)));
  }
  return text;
}

std::string Bash(const std::vector<CommandWords>& commands) {
  const auto choose = [](const std::string& words) {
    return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$word\"))", words);
  };
  return "_weir() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]}\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then " +
         choose(NamesOf(commands)) +
         "; return; fi\n"
         "  case $word in -*)\n"
         "    case ${COMP_WORDS[1]} in\n" +
         Branches(commands, &CommandWords::flags, choose, "      ") +
         "    esac\n"
         "    return ;;\n"
         "  esac\n"
         "  case ${COMP_WORDS[1]} in\n" +
         fmt::format("    {}) COMPREPLY=($(compgen -W \"$({})\" -- \"$word\")) ;;\n",
                     fmt::join(kOfModels, "|"), kNames) +
         Branches(commands, &CommandWords::subcommands, choose, "    ") + "    completion) " +
         choose("bash zsh fish") +
         " ;;\n"
         "  esac\n"
         "}\n"
         "complete -o default -F _weir weir\n";
}

std::string Zsh(const std::vector<CommandWords>& commands) {
  const auto choose = [](const std::string& words) { return "compadd -- " + words; };
  return "#compdef weir\n"
         "_weir() {\n"
         "  if (( CURRENT == 2 )); then " +
         choose(NamesOf(commands)) +
         "; return; fi\n"
         "  case $words[CURRENT] in -*)\n"
         "    case $words[2] in\n" +
         Branches(commands, &CommandWords::flags, choose, "      ") +
         "    esac\n"
         "    return ;;\n"
         "  esac\n"
         "  case $words[2] in\n" +
         fmt::format("    {}) compadd -- ${{(f)\"$({})\"}} ;;\n", fmt::join(kOfModels, "|"),
                     kNames) +
         Branches(commands, &CommandWords::subcommands, choose, "    ") + "    completion) " +
         choose("bash zsh fish") +
         " ;;\n"
         "    *) _files ;;\n"
         "  esac\n"
         "}\n"
         // As an autoloaded file this text is the function itself.
         "if [[ $funcstack[1] = _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi\n";
}

std::string Fish(const std::vector<CommandWords>& commands) {
  std::string text = fmt::format(
      "complete -c weir -f -n __fish_use_subcommand -a '{}'\n"
      "complete -c weir -f -n '__fish_seen_subcommand_from {}' -a "
      "'({})'\n",
      NamesOf(commands), fmt::join(kOfModels, " "),
      "weir list --json 2>/dev/null | string match -ra "
      "\"(?<=\\\"name\\\":\\\")[^\\\"]*\"");
  for (const CommandWords& command : commands) {
    const std::string seen =
        fmt::format("complete -c weir -n '__fish_seen_subcommand_from {}'", command.name);
    if (!command.subcommands.empty())
      text += fmt::format("{} -f -a '{}'\n", seen, Joined(command.subcommands));
    for (const std::string& flag : command.flags)
      text += fmt::format("{} -l {}\n", seen, flag.substr(2));
  }
  return text +
         "complete -c weir -f -n '__fish_seen_subcommand_from completion' -a "
         "'bash zsh fish'\n";
}

}  // namespace

Result<std::string> CompletionScript(std::string_view shell,
                                     const std::vector<CommandWords>& commands) {
  if (shell == "bash") return Bash(commands);
  if (shell == "zsh") return Zsh(commands);
  if (shell == "fish") return Fish(commands);
  return Fail(Code::kInvalidArgument, "completion takes bash, zsh or fish", "shell");
}

}  // namespace weir::cli
