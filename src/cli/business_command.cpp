// purposepath business show | import | export
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "base/json.hpp"
#include "base/yaml.hpp"
#include "cli/administration.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

namespace json = base::json;

constexpr std::string_view kPath = "/api/v1/business";

struct Arguments {
  AdministrationFlags flags;
  std::string section;
  std::string file;
  bool as_json = false;
};

// Of one tenant always: there is no business of all of them.
void need_tenant(const Arguments& arguments) {
  if (arguments.flags.tenant.empty() && arguments.flags.token.empty()) {
    throw UsageError("--tenant says whose business data it is");
  }
}

// JSON as people like to read and change it.
void append_lines(std::string& out, const json::value& value, std::size_t indent) {
  const auto each = [&](const auto& container, char open, char close, const auto& append) {
    out += open;
    bool first = true;
    for (const auto& element : container) {
      out += first ? "\n" : ",\n";
      first = false;
      out.append(indent + 2, ' ');
      append(element);
    }
    out += '\n';
    out.append(indent, ' ');
    out += close;
  };
  if (value.is_array() && !value.get_array().empty()) {
    each(value.get_array(), '[', ']', [&](const json::value& element) { append_lines(out, element, indent + 2); });
  } else if (value.is_object() && !value.get_object().empty()) {
    each(value.get_object(), '{', '}', [&](const json::key_value_pair& member) {
      base::append_json_string(out, member.key());
      out += ": ";
      append_lines(out, member.value(), indent + 2);
    });
  } else {
    base::append_json_value(out, value);
  }
}

std::string lines_of(const json::value& value) {
  std::string out;
  append_lines(out, value, 0);
  return out;
}

std::size_t entries_of(const json::value& data) {
  if (data.is_array()) return data.get_array().size();
  return data.is_object() ? data.get_object().size() : 0;
}

void print_section(const json::value& section) {
  const auto& by = section.at("updated_by");
  const std::string_view name = section.at("section").as_string();
  if (!section.at("available").as_bool()) {
    fmt::print("{:<12} cannot be read\n", name);
    return;
  }
  const auto entries = entries_of(section.at("data"));
  fmt::print("{:<12} {:>4} {}{}\n", name, entries, entries == 1 ? "entry" : "entries",
             by.is_string() ? fmt::format(", version {}, {} by {}", section.at("version").to_number<std::int64_t>(),
                                          std::string_view(section.at("updated_at").as_string()),
                                          std::string_view(by.get_string()))
                            : "");
}

int show(const Arguments& arguments) {
  need_tenant(arguments);
  Administration service(arguments.flags);
  if (!arguments.section.empty()) {
    const auto section = service.get(fmt::format("{}/{}", kPath, arguments.section));
    fmt::print("{}\n", arguments.as_json ? base::write_json(section) : lines_of(section.at("data")));
    return kOk;
  }
  const auto all = service.get(std::string(kPath));
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(all));
    return kOk;
  }
  for (const auto& section : all.at("sections").as_array()) print_section(section);
  return kOk;
}

json::value read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UsageError(fmt::format("{} cannot be read", path));
  const std::string text(std::istreambuf_iterator<char>(in), {});
  auto data = base::yaml_to_json(text, path);  // JSON is YAML
  if (!data.is_object() || data.get_object().empty()) {
    throw base::Error(base::Code::validation_error,
                      fmt::format("{} has no sections; it must have some of foundation, goals, strategies, measures, "
                                  "actions, issues and people",
                                  path));
  }
  return data;
}

int import_file(const Arguments& arguments) {
  need_tenant(arguments);
  auto sections = read_file(arguments.file);
  Administration service(arguments.flags);
  const auto after = service.put(std::string(kPath), json::object{{"sections", std::move(sections)}});
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(after));
    return kOk;
  }
  for (const auto& section : after.at("sections").as_array()) print_section(section);
  return kOk;
}

int export_all(const Arguments& arguments) {
  need_tenant(arguments);
  Administration service(arguments.flags);
  const auto all = service.get(std::string(kPath));
  json::object sections;
  for (const auto& section : all.at("sections").as_array()) {
    if (!section.at("available").as_bool()) {
      throw base::Error(base::Code::dependency_unavailable,
                        fmt::format("{} cannot be read at the moment; nothing was exported",
                                    std::string_view(section.at("section").as_string())));
    }
    if (!section.at("data").is_null()) sections[section.at("section").as_string()] = section.at("data");
  }
  fmt::print("{}\n", lines_of(sections));
  return kOk;
}

}  // namespace

void add_business(CLI::App& root, Chosen& chosen) {
  auto* business = root.add_subcommand("business", "What is on record about a company: prompts take from it");
  business->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto make = [&](const char* name, const char* summary, const char* footer, int (*run)(const Arguments&)) {
    auto* command = business->add_subcommand(name, summary);
    add_administration_flags(*command, arguments->flags);
    command->get_option("--tenant")->description("whose business data it is");
    command->get_option("--token")->description("a token of that tenant; to import, of its coach, admin or owner");
    command->footer(footer);
    command->callback([arguments, &chosen, run] { chosen = [arguments, run] { return run(*arguments); }; });
    return command;
  };
  auto* shown = make("show", "Print what there is, or all of one section",
                     "Examples:\n  purposepath business show --tenant bakery\n"
                     "  purposepath business show goals --tenant bakery",
                     show);
  shown->add_option("SECTION", arguments->section, "foundation, goals, strategies, measures, actions, issues or people")
      ->check(CLI::IsMember({"foundation", "goals", "strategies", "measures", "actions", "issues", "people"}));
  auto* imported = make("import", "Replace the sections that a YAML or JSON file has",
                        "All of them or, when one is refused, none. Others stay as they are.\n\n"
                        "Examples:\n  purposepath business import bakery.yaml --tenant bakery",
                        import_file);
  imported->add_option("FILE", arguments->file, "sections by name, as export writes them")->required();
  for (auto* command : {shown, imported}) command->add_flag("--json", arguments->as_json, "print JSON");
  make("export", "Print all sections as JSON, for import",
       "Examples:\n  purposepath business export --tenant bakery > bakery.json", export_all);
}

}  // namespace cli
