// What one part of a catalogue cannot know of another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "llm/catalogue.hpp"

namespace llm {
namespace {

class Check {
 public:
  Check(const Catalogue& catalogue, Faults& faults) : catalogue_(catalogue), faults_(faults) {
    for (const auto& [code, model] : catalogue.models) codes_.push_back(code);
  }

  void all() {
    for (const auto& [code, model] : catalogue_.models) {
      limits(model);
      words(model);
      date(model);
      for (const auto& fallback : model.fallbacks) known(fallback, "models/" + code, code + " falls back to");
      cycle(model);
    }
    const auto& routes = catalogue_.routes;
    route(routes.standard, "routes/default");
    for (const auto& [name, by_tier] : routes.purposes) route(by_tier, "routes/" + name);
    for (const auto& [topic, by_tier] : routes.topics) route(by_tier, "routes/topics/" + topic);
    for (const auto tier : kTiers) {
      if (!routes.standard.contains(tier))
        fault("routes/default", fmt::format("routes.default has no model for the tier {}", tier));
    }
  }

 private:
  void fault(const std::string& path, std::string_view message) {
    auto text = fmt::format("{}: {}", catalogue_.origin(path), message);
    // A route that is the same for all tiers is one line in the file.
    if (faults_.empty() || faults_.back() != text) faults_.push_back(std::move(text));
  }

  void limits(const Model& model) {
    const auto path = "models/" + model.code;
    if (model.context_tokens <= 0 || model.max_output_tokens <= 0) {
      fault(path, fmt::format("{}: context_tokens and max_output_tokens must be more than 0", model.code));
    } else if (model.max_output_tokens > model.context_tokens) {
      fault(path, fmt::format("{}: max_output_tokens ({}) is more than context_tokens ({})", model.code,
                              model.max_output_tokens, model.context_tokens));
    }
    if (model.price.input < 0 || model.price.output < 0) fault(path, fmt::format("{}: a price is below 0", model.code));
    if (model.reasoning_tokens < 0) fault(path, fmt::format("{}: reasoning_tokens is below 0", model.code));
    if (model.max_concurrent < 0) fault(path, fmt::format("{}: max_concurrent is below 0", model.code));
  }

  void words(const Model& model) {
    const auto one_of = [&](std::string_view name, std::string_view value,
                            std::initializer_list<std::string_view> known) {
      if (value.empty() || std::ranges::find(known, value) != known.end()) return;
      fault("models/" + model.code,
            fmt::format("{}: unknown {} {}; known are {}", model.code, name, value, fmt::join(known, ", ")));
    };
    one_of("token_parameter", model.token_parameter, {"max_tokens", "max_completion_tokens"});
    one_of("encoding", model.encoding, {"o200k_base", "cl100k_base"});
    one_of("reasoning_effort", model.reasoning_effort, {"none", "minimal", "low", "medium", "high", "xhigh", "max"});
  }

  void date(const Model& model) {
    try {
      days_left(model, base::Time());
    } catch (const base::Error&) {
      fault("models/" + model.code, fmt::format("{}: retires_on must be a date such as 2027-02-01", model.code));
    }
  }

  void known(std::string_view code, const std::string& path, std::string_view who) {
    if (catalogue_.find(code) != nullptr) return;
    const auto near = base::nearest(code, codes_);
    fault(path, fmt::format("{} the unknown model {}{}", who, code,
                            near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }

  void route(const ByTier& by_tier, const std::string& path) {
    for (const auto& [tier, code] : by_tier)
      known(code, fmt::format("{}/{}", path, tier), fmt::format("{} leads to", path));
  }

  // Told once, at the cycle's first code in the order of codes.
  void cycle(const Model& first) {
    std::vector<std::string_view> way{first.code};
    follow(first, first.code, way);
  }

  bool follow(const Model& model, std::string_view first, std::vector<std::string_view>& way) {
    for (const auto& fallback : model.fallbacks) {
      if (fallback == first) {
        if (std::ranges::min(way) == first) {
          fault("models/" + std::string(first),
                fmt::format("the fallbacks go round: {} > {}", fmt::join(way, " > "), first));
        }
        return true;
      }
      const auto* next = catalogue_.find(fallback);
      if (next == nullptr || std::ranges::find(way, fallback) != way.end()) continue;
      way.push_back(next->code);
      if (follow(*next, first, way)) return true;
      way.pop_back();
    }
    return false;
  }

  const Catalogue& catalogue_;
  Faults& faults_;
  std::vector<std::string> codes_;
};

}  // namespace

void check_catalogue(const Catalogue& catalogue, Faults& faults) { Check(catalogue, faults).all(); }

}  // namespace llm
