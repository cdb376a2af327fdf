// purposepath topics show | versions | diff | render | test | publish | rollback | import | export
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "base/json.hpp"
#include "cli/administration.hpp"
#include "cli/commands.hpp"
#include "cli/topic_folders.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;

struct Arguments {
  AdministrationFlags flags;
  std::string what;  // a topic's id, or a folder
  std::string message;
  std::string parameters;  // a file with sample values
  std::string part;
  std::string out = ".";
  std::int64_t version = -1;
  std::int64_t from = -1;
  std::int64_t to = -1;
  bool force = false;
  bool all_versions = false;
  bool publish = false;
  bool as_json = false;
};

std::string path_of(std::string_view id) { return fmt::format("/api/v1/admin/topics/{}", id); }

bool is_folder(const std::string& what) { return what.find('/') != std::string::npos || fs::is_directory(what); }

std::string id_of(const std::string& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::string_view text(const json::value& body, std::string_view member) {
  const auto& value = body.at(member);
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view("");
}

std::int64_t number(const json::value& body, std::string_view member) {
  return body.at(member).to_number<std::int64_t>();
}

json::object files_body(const coaching::TopicFiles& files) {
  json::object body;
  for (const auto& [name, content] : files) body[name] = content;
  return body;
}

coaching::TopicFiles files_in(const json::value& body) {
  coaching::TopicFiles files;
  for (const auto& [name, content] : body.at("files").as_object())
    files.emplace(name, std::string(content.as_string()));
  return files;
}

std::string live_line(const json::value& pointer) {
  const auto live = number(pointer, "live_version");
  const auto shown =
      live == 0 ? std::string("none of these versions is live") : fmt::format("version {} is live", live);
  const auto by = text(pointer, "published_by");
  return by.empty() ? shown : fmt::format("{}, since {} by {}", shown, text(pointer, "published_at"), by);
}

int print_json(const json::value& body) {
  fmt::print("{}\n", base::write_json(body));
  return kOk;
}

void print_warnings(const json::value& saved) {
  for (const auto& warning : saved.at("warnings").as_array()) {
    fmt::print("  warning: {}: {}\n", text(warning, "field"), text(warning, "message"));
  }
}

// Of a folder or of a version that the service has: what render and test are given.
json::object subject_body(const Arguments& arguments) {
  json::object body;
  if (is_folder(arguments.what)) body["files"] = files_body(read_with_shared(arguments.what));
  if (arguments.version >= 0) body["version"] = arguments.version;
  if (arguments.parameters.empty()) return body;
  std::ifstream in(arguments.parameters, std::ios::binary);
  if (!in) throw UsageError(fmt::format("{} cannot be read", arguments.parameters));
  body["parameters"] = base::parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
  return body;
}

std::string subject_id(const Arguments& arguments) {
  return is_folder(arguments.what) ? id_of(arguments.what) : arguments.what;
}

int show(const Arguments& arguments) {
  Administration service(arguments.flags);
  auto path = path_of(arguments.what);
  if (arguments.version >= 0) path += fmt::format("?version={}", arguments.version);
  const auto body = service.get(path);
  if (arguments.as_json) return print_json(body);
  fmt::print("{}  {}  {}  {}\n{}\n\nversion {} ({}), {}\n", text(body, "id"), text(body, "name"), text(body, "kind"),
             text(body, "tier"), text(body, "description"), number(body, "version"), text(body, "origin"),
             live_line(body));
  if (!text(body, "author").empty()) {
    fmt::print("saved {} by {}: {}\n", text(body, "created_at"), text(body, "author"), text(body, "message"));
  }
  for (const auto& [name, content] : body.at("files").as_object()) {
    fmt::print("  {:>6} bytes  {}\n", content.as_string().size(), std::string(name));
  }
  return kOk;
}

int list_versions(const Arguments& arguments) {
  Administration service(arguments.flags);
  const auto body = service.get(path_of(arguments.what) + "/versions");
  if (arguments.as_json) return print_json(body);
  for (const auto& version : body.at("versions").as_array()) {
    fmt::print("{} {:>4}  {}  {:<12} {}\n", number(version, "version") == number(body, "live_version") ? '*' : ' ',
               number(version, "version"), text(version, "created_at"), text(version, "author"),
               text(version, "message"));
  }
  fmt::print("{}\n", live_line(body));
  return kOk;
}

int diff(const Arguments& arguments) {
  Administration service(arguments.flags);
  std::string query;
  if (arguments.from >= 0) query += fmt::format("&from={}", arguments.from);
  if (arguments.to >= 0) query += fmt::format("&to={}", arguments.to);
  if (!query.empty()) query[0] = '?';
  const auto body = service.get(path_of(arguments.what) + "/diff" + query);
  if (arguments.as_json) return print_json(body);
  for (const auto& file : body.at("files").as_array()) fmt::print("{}", text(file, "diff"));
  return kOk;
}

int render(const Arguments& arguments) {
  const auto asked = subject_body(arguments);
  Administration service(arguments.flags);
  const auto body = service.post(path_of(subject_id(arguments)) + "/render", asked);
  if (arguments.as_json) return print_json(body);
  for (const auto& prompt : body.at("prompts").as_array()) {
    std::string missing;
    for (const auto& name : prompt.at("missing").as_array())
      missing += fmt::format(" {}", std::string_view(name.as_string()));
    fmt::print("=== {}: {} tokens{}\n{}\n", text(prompt, "file"), number(prompt, "tokens"),
               missing.empty() ? "" : ", no value for" + missing, text(prompt, "text"));
  }
  return kOk;
}

int test(const Arguments& arguments) {
  auto asked = subject_body(arguments);
  if (!arguments.part.empty()) asked["part"] = arguments.part;
  Administration service(arguments.flags);
  const auto body = service.post(path_of(subject_id(arguments)) + "/test", asked);
  if (arguments.as_json) return print_json(body);
  const auto fault = text(body, "fault");
  fmt::print("{}\n\n{}  {} + {} tokens  ${:.5f}  {} ms\n", fault.empty() ? text(body, "text") : fault,
             text(body, "model"), number(body, "prompt_tokens"), number(body, "completion_tokens"),
             body.at("cost_usd").to_number<double>(), number(body, "latency_ms"));
  return fault.empty() ? kOk : kFailure;
}

std::int64_t live_version(Administration& service, const std::string& id) {
  for (const auto& topic : service.get("/api/v1/admin/topics").at("topics").as_array()) {
    if (text(topic, "id") == id) return number(topic, "live_version");
  }
  return 0;
}

json::value save(Administration& service, const std::string& id, const coaching::TopicFiles& files,
                 const std::string& message, bool publish) {
  return service.post(path_of(id) + "/versions", json::object{{"files", files_body(files)},
                                                              {"message", message},
                                                              {"publish", publish},
                                                              {"live_version", live_version(service, id)}});
}

int publish_folders(const Arguments& arguments) {
  if (arguments.message.empty()) throw UsageError("say with --message what has changed and why");
  const auto folders = topic_folders_in(arguments.what);
  Administration service(arguments.flags);
  for (const auto& folder : folders) {
    const auto saved = save(service, id_of(folder), read_with_shared(folder), arguments.message, true);
    if (arguments.as_json) {
      print_json(saved);
      continue;
    }
    fmt::print("{}: {}\n", text(saved, "topic"), live_line(saved));
    print_warnings(saved);
  }
  return kOk;
}

int publish(const Arguments& arguments) {
  if (is_folder(arguments.what)) return publish_folders(arguments);
  if (arguments.version < 0) {
    throw UsageError("name a folder to publish, or with --version which version of the topic is to go live");
  }
  Administration service(arguments.flags);
  const auto live = live_version(service, arguments.what);
  const auto body = service.post(path_of(arguments.what) + "/publish",
                                 json::object{{"version", arguments.version}, {"live_version", live}});
  if (arguments.as_json) return print_json(body);
  fmt::print("{}: {}\n", arguments.what, live_line(body));
  return kOk;
}

int rollback(const Arguments& arguments) {
  Administration service(arguments.flags);
  const auto live = live_version(service, arguments.what);
  const auto body = service.post(path_of(arguments.what) + "/rollback", json::object{{"live_version", live}});
  if (arguments.as_json) return print_json(body);
  fmt::print("{}: {}\n", arguments.what, live_line(body));
  return kOk;
}

struct StoredVersion {
  std::int64_t number = 0;
  fs::path folder;
};

// Those that `export --versions` wrote into a topic's folder, oldest first.
std::vector<StoredVersion> stored_versions(const fs::path& folder) {
  std::vector<StoredVersion> versions;
  if (!fs::is_directory(folder / "versions")) return versions;
  for (const auto& entry : fs::directory_iterator(folder / "versions")) {
    const auto name = entry.path().filename().string();
    if (name.empty() || name.size() > 9 || name.find_first_not_of("0123456789") != std::string::npos) continue;
    versions.push_back({std::stoll(name), entry.path()});
  }
  std::ranges::sort(versions, {}, &StoredVersion::number);
  return versions;
}

json::value read_version_note(const fs::path& folder) {
  std::ifstream in(folder / "version.json", std::ios::binary);
  if (!in) throw UsageError(fmt::format("{} holds no version.json", folder.string()));
  return base::parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::string imported_message(const json::value& note) {
  const auto message = fmt::format("{} (version {} by {}, {})", text(note, "message"), number(note, "version"),
                                   text(note, "author"), text(note, "created_at"));
  return std::string(base::prefix_bytes(message, 480));
}

void import_topic(Administration& service, const Arguments& arguments, const std::string& folder) {
  const auto id = id_of(folder);
  for (const auto& version : stored_versions(folder)) {
    const auto saved = save(service, id, read_with_shared((version.folder / id).string()),
                            imported_message(read_version_note(version.folder)), false);
    fmt::print("{}: version {} saved\n", id, number(saved, "version"));
  }
  const auto message = arguments.message.empty() ? fmt::format("imported from {}", fs::path(folder).filename().string())
                                                 : arguments.message;
  const auto saved = save(service, id, read_with_shared(folder), message, arguments.publish);
  fmt::print("{}: version {} saved; {}\n", id, number(saved, "version"), live_line(saved));
  print_warnings(saved);
}

int import(const Arguments& arguments) {
  const auto folders = topic_folders_in(arguments.what);
  Administration service(arguments.flags);
  for (const auto& folder : folders) import_topic(service, arguments, folder);
  return kOk;
}

void export_versions(Administration& service, const Arguments& arguments, const std::string& id) {
  for (const auto& version : service.get(path_of(id) + "/versions").at("versions").as_array()) {
    const auto wanted = number(version, "version");
    const auto folder = fs::path(arguments.out) / id / "versions" / fmt::format("{}", wanted);
    write_topic(folder.string(), id, files_in(service.get(fmt::format("{}?version={}", path_of(id), wanted))), true);
    std::ofstream(folder / "version.json") << base::write_json(version) << '\n';
  }
}

int export_topics(const Arguments& arguments) {
  Administration service(arguments.flags);
  std::vector<std::string> ids{arguments.what};
  if (arguments.what.empty()) {
    ids.clear();
    for (const auto& topic : service.get("/api/v1/admin/topics").at("topics").as_array())
      ids.emplace_back(text(topic, "id"));
  }
  for (const auto& id : ids) {
    auto path = path_of(id);
    if (arguments.version >= 0) path += fmt::format("?version={}", arguments.version);
    const auto body = service.get(path);
    write_topic(arguments.out, id, files_in(body), arguments.force);
    if (arguments.all_versions) export_versions(service, arguments, id);
    fmt::print("{}  version {} ({})\n", (fs::path(arguments.out) / id).string(), number(body, "version"),
               text(body, "origin"));
  }
  return kOk;
}

using Run = int (*)(const Arguments&);
using Make = std::function<CLI::App*(const char*, const char*, const char*, Run)>;

void add_reading(const Make& make, Arguments& at) {
  const auto version = [&at](CLI::App* command) {
    command->add_option("--version", at.version, "which version; 0 is the built-in (default: the live one)")
        ->type_name("N");
  };
  auto* shown =
      make("show", "Print a topic: its live version and its files",
           "Examples:\n  purposepath topics show core_values\n  purposepath topics show core_values --version 0 --json",
           show);
  shown->add_option("TOPIC", at.what, "the topic's id")->required();
  version(shown);
  auto* versions = make("versions", "Print the versions of a topic, the newest first",
                        "Examples:\n  purposepath topics versions core_values --tenant bakery", list_versions);
  versions->add_option("TOPIC", at.what, "the topic's id")->required();
  auto* changed = make(
      "diff", "Print what changed between two versions, as a unified diff",
      "Examples:\n  purposepath topics diff core_values\n  purposepath topics diff core_values --from 0 --to 3", diff);
  changed->add_option("TOPIC", at.what, "the topic's id")->required();
  changed->add_option("--from", at.from, "the older version (default: the live one)")->type_name("N");
  changed->add_option("--to", at.to, "the newer version (default: the newest)")->type_name("N");
  auto* rendered = make("render", "Print the prompts of a topic with sample values",
                        "Examples:\n  purposepath topics render core_values\n  purposepath topics render "
                        "./my_topics/friendship --parameters sample.json",
                        render);
  auto* tested =
      make("test", "Ask the model once, as a conversation would; nothing is stored",
           "Exit code 1 when a result does not fit its schema.\n\nExamples:\n  purposepath topics test core_values\n"
           "  purposepath topics test ./my_topics/friendship --part opening",
           test);
  for (auto* command : {rendered, tested}) {
    command->add_option("TOPIC", at.what, "a topic's id, or its folder")->required();
    command->add_option("--parameters", at.parameters, "JSON file with sample values")->type_name("FILE");
    version(command);
  }
  tested->add_option("--part", at.part, "opening, reply, resume or result")
      ->check(CLI::IsMember({"opening", "reply", "resume", "result"}));
}

void add_writing(const Make& make, Arguments& at) {
  auto* published =
      make("publish", "Save a folder as a new version and make it live, or make a saved version live",
           "Lints first; a fault changes nothing. New conversations get it at once, others within five seconds.\n\n"
           "Examples:\n  purposepath topics publish ./my_topics/friendship --message 'a topic about friends'\n"
           "  purposepath topics publish core_values --version 2 --tenant bakery",
           publish);
  published->add_option("TOPIC", at.what, "a topic's folder, a folder of topics, or a topic's id")->required();
  published->add_option("-m,--message", at.message, "what has changed, and why")->type_name("TEXT");
  published->add_option("--version", at.version, "the version to make live; 0 withdraws what was published")
      ->type_name("N");
  auto* back = make(
      "rollback", "Make the version live that was live before",
      "Examples:\n  purposepath topics rollback core_values\n  purposepath topics rollback core_values --tenant bakery",
      rollback);
  back->add_option("TOPIC", at.what, "the topic's id")->required();
  auto* imported = make("import", "Save folders as new versions, with those that export wrote beside them",
                        "Old versions get new numbers; their author and time stand in the message.\n\n"
                        "Examples:\n  purposepath topics import ./backup --publish",
                        import);
  imported->add_option("DIR", at.what, "a topic's folder, or a folder of topics")->required();
  imported->add_option("-m,--message", at.message, "what has changed, and why")->type_name("TEXT");
  imported->add_flag("--publish", at.publish, "make them live");
  auto* exported = make("export", "Write topics as folders that can be edited and published",
                        "Examples:\n  purposepath topics export core_values --out my_topics\n  purposepath topics "
                        "export --out backup --versions",
                        export_topics);
  exported->add_option("TOPIC", at.what, "the topic's id (default: all)");
  exported->add_option("--out", at.out, "the folder to write to (default: here)")->type_name("DIR");
  exported->add_option("--version", at.version, "which version; 0 is the built-in (default: the live one)")
      ->type_name("N");
  exported->add_flag("--versions", at.all_versions, "all saved versions too");
  exported->add_flag("--force", at.force, "write over folders that are there");
}

}  // namespace

void add_topic_versions(CLI::App& topics, Chosen& chosen) {
  const auto arguments = std::make_shared<Arguments>();
  const Make make = [&](const char* name, const char* summary, const char* footer, Run run) {
    auto* command = topics.add_subcommand(name, summary);
    command->add_flag("--json", arguments->as_json, "print JSON");
    add_administration_flags(*command, arguments->flags);
    command->footer(footer);
    command->callback([arguments, &chosen, run] { chosen = [arguments, run] { return run(*arguments); }; });
    return command;
  };
  add_reading(make, *arguments);
  add_writing(make, *arguments);
}

}  // namespace cli
