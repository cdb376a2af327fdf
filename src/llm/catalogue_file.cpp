// Reading models.yaml. Each field is read by itself, so that one start shows all faults.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/embedded.hpp"
#include "base/json.hpp"
#include "base/yaml.hpp"
#include "llm/catalogue.hpp"
#include "llm/openai.hpp"

namespace llm {
namespace {

namespace json = base::json;

constexpr std::array<Purpose, 4> kRoutedPurposes{Purpose::assessment, Purpose::summary, Purpose::extraction,
                                                 Purpose::analysis};

template <class T>
std::vector<std::string_view> member_names() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
      [&](auto d) { names.emplace_back(d.name); });
  std::erase(names, "code");  // of a model: that is its key
  return names;
}

std::string did_you_mean(std::string_view written, const auto& known) {
  const auto near = base::nearest(written, known);
  return near.empty() ? fmt::format("; known are {}", fmt::join(known, ", ")) : fmt::format("; did you mean {}?", near);
}

// What a name says by itself, before the entry's own fields; each of those is judged when it is read.
Model named_model(const json::object& fields) {
  const auto text = [&](const char* name) {
    const auto* field = fields.if_contains(name);
    return field != nullptr && field->is_string() ? std::string(field->get_string()) : std::string();
  };
  auto vendor = Vendor::offline;
  boost::describe::enum_from_string(text("vendor").c_str(), vendor);
  if (vendor != Vendor::openai && vendor != Vendor::azure) return {};
  auto model = openai_defaults(vendor, text("id"));
  model.id.clear();
  return model;
}

class Reader {
 public:
  Reader(std::string file, Catalogue& catalogue, Faults& faults)
      : file_(std::move(file)), catalogue_(catalogue), faults_(faults) {}

  void read(std::string_view text) {
    json::value document;
    try {
      document = base::yaml_to_json(text, file_, lines_);
    } catch (const base::Error& error) {
      faults_.push_back(error.message);
      return;
    }
    read(document);
  }

  void read(const json::value& document) {
    if (document.is_null()) return;
    if (!document.is_object()) return fault("", "must hold `models:` and `routes:`");
    for (const auto& entry : document.get_object()) {
      const std::string name(entry.key());
      if (entry.value().is_null()) continue;
      if (name == "models") {
        each(entry.value(), name, [&](std::string_view code, const json::value& value) { read_model(code, value); });
      } else if (name == "routes") {
        each(entry.value(), name, [&](std::string_view route, const json::value& value) { read_route(route, value); });
      } else {
        fault(name, fmt::format("unknown section {}{}", name, did_you_mean(name, kSections)));
      }
    }
  }

 private:
  static constexpr std::array<std::string_view, 2> kSections{"models", "routes"};
  static constexpr std::string_view kPriceUnit = "in USD for a million tokens; 0 when it costs nothing";

  std::string where(const std::string& path) const {
    const auto line = lines_.find(path);
    return line == lines_.end() ? file_ : fmt::format("{}:{}", file_, line->second);
  }
  void fault(const std::string& path, std::string_view message) {
    faults_.push_back(fmt::format("{}: {}", where(path), message));
  }

  template <class Read>
  void each(const json::value& value, const std::string& path, const Read& read) {
    if (!value.is_object()) return fault(path, fmt::format("{} must be a map", path));
    for (const auto& entry : value.get_object()) read(entry.key(), entry.value());
  }

  void read_model(std::string_view code, const json::value& value) {
    const auto path = fmt::format("models/{}", code);
    if (!value.is_object()) return fault(path, fmt::format("the model {} must be a map of fields", code));
    const auto& fields = value.get_object();
    const auto [entry, is_new] = catalogue_.models.try_emplace(std::string(code));
    auto& model = entry->second;
    if (is_new) model = named_model(fields);
    model.code = code;
    catalogue_.origins[path] = where(path);
    read_members(fields, model, path);
    if (!is_new) return;
    if (!fields.contains("vendor")) fault(path, fmt::format("the model {} has no vendor", code));
    if (model.id.empty()) fault(path, fmt::format("the model {} has no id: the vendor's name for it", code));
    need_price(fields, path, code);
  }

  void need_price(const json::object& fields, const std::string& path, std::string_view code) {
    const auto* price = fields.if_contains("price");
    if (price == nullptr) {
      return fault(path, fmt::format("the model {} has no price: {{input, output}} {}", code, kPriceUnit));
    }
    if (!price->is_object()) return;  // told already
    for (const std::string_view name : {"input", "output"}) {
      if (price->get_object().contains(name)) continue;
      fault(path + "/price", fmt::format("the model {} has no price.{} {}", code, name, kPriceUnit));
    }
  }

  template <class T>
  void read_members(const json::object& fields, T& out, const std::string& path) {
    static const auto kNames = member_names<T>();
    for (const auto& field : fields) {
      const std::string at = fmt::format("{}/{}", path, std::string_view(field.key()));
      if (std::ranges::find(kNames, std::string_view(field.key())) == kNames.end()) {
        fault(at, fmt::format("unknown field {}{}", std::string_view(field.key()),
                              did_you_mean(std::string_view(field.key()), kNames)));
      }
    }
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
      if (std::string_view(d.name) == "code") return;
      if (const auto* field = fields.if_contains(d.name))
        read_field(*field, out.*d.pointer, fmt::format("{}/{}", path, d.name));
    });
  }

  template <class T>
  void read_field(const json::value& value, T& out, const std::string& path) {
    if constexpr (boost::describe::has_describe_members<T>::value) {
      if (!value.is_object()) return fault(path, fmt::format("{} must be a map", name_in(path)));
      read_members(value.get_object(), out, path);
    } else if constexpr (std::is_enum_v<T>) {
      read_name(value, out, path);
    } else {
      try {
        base::read_json(value, out, std::string(name_in(path)));
      } catch (const base::Error& error) {
        fault(path, error.message);
      }
    }
  }

  template <class E>
  void read_name(const json::value& value, E& out, const std::string& path) {
    std::vector<std::string_view> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) { names.emplace_back(d.name); });
    const std::string written = value.is_string() ? std::string(value.get_string()) : base::write_json(value);
    if (boost::describe::enum_from_string(written.c_str(), out)) return;
    fault(path, fmt::format("unknown {} {}{}", name_in(path), written, did_you_mean(written, names)));
  }

  static std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

  void read_route(std::string_view name, const json::value& value) {
    const auto path = fmt::format("routes/{}", name);
    if (value.is_null()) return;
    if (name == "default") return lay_over(value, path, catalogue_.routes.standard);
    if (name == "topics") {
      return each(value, path, [&](std::string_view topic, const json::value& route) {
        lay_over(route, fmt::format("{}/{}", path, topic), catalogue_.routes.topics[std::string(topic)]);
      });
    }
    std::vector<std::string_view> known{"default", "topics"};
    for (const auto purpose : kRoutedPurposes) known.push_back(base::name_of(purpose));
    if (std::ranges::find(known, name) == known.end()) {
      return fault(path, fmt::format("unknown route {}{}", name, did_you_mean(name, known)));
    }
    lay_over(value, path, catalogue_.routes.purposes[std::string(name)]);
  }

  // One code for all tiers, or a map.
  void lay_over(const json::value& value, const std::string& path, ByTier& route) {
    if (value.is_string()) {
      for (const auto tier : kTiers) set(route, tier, value, path, path);
    } else if (value.is_object()) {
      for (const auto& entry : value.get_object()) {
        const auto at = fmt::format("{}/{}", path, std::string_view(entry.key()));
        if (std::ranges::find(kTiers, std::string_view(entry.key())) == kTiers.end()) {
          fault(at, fmt::format("unknown tier {}{}", std::string_view(entry.key()),
                                did_you_mean(std::string_view(entry.key()), kTiers)));
        } else {
          set(route, entry.key(), entry.value(), path, at);
        }
      }
    } else {
      fault(path, fmt::format("{} must be the code of a model, or one for each tier", path));
    }
  }

  void set(ByTier& route, std::string_view tier, const json::value& code, const std::string& path,
           const std::string& at) {
    if (!code.is_string()) return fault(at, fmt::format("{} must be the code of a model", at));
    route[std::string(tier)] = code.get_string();
    catalogue_.origins[fmt::format("{}/{}", path, tier)] = where(at);
  }

  std::string file_;
  Catalogue& catalogue_;
  Faults& faults_;
  base::YamlLines lines_;
};

}  // namespace

void read_catalogue(std::string_view text, const std::string& file, Catalogue& catalogue, Faults& faults) {
  Reader(file, catalogue, faults).read(text);
}

Catalogue load_catalogue(const std::string& file, Faults& faults) {
  Catalogue catalogue;
  const auto built_in = base::embedded("models.json");
  if (!built_in) throw base::Error(base::Code::internal_error, "the binary was built without its models.yaml");
  Reader("models.yaml (built in)", catalogue, faults).read(base::parse_json(*built_in));
  if (file.empty()) return catalogue;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    faults.push_back(fmt::format("{}: llm.catalogue_file cannot be read; check its path and permissions", file));
    return catalogue;
  }
  read_catalogue(std::string(std::istreambuf_iterator<char>(in), {}), file, catalogue, faults);
  return catalogue;
}

}  // namespace llm
