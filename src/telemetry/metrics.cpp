#include "telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <variant>

#include "base/error.hpp"
#include "telemetry/process.hpp"

namespace telemetry {
namespace {

bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), allowed);
}

// https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md: backslash and line feed
// everywhere, the quote in label values only.
std::string escape(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (quotes && c == '"')) out += '\\';
      out += c;
    }
  }
  return out;
}

// a="1",b="2": the inside of the braces.
std::string render(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!is_name(name)) throw base::Error(base::Code::internal_error, "not a label name: " + name);
    if (!out.empty()) out += ',';
    out += fmt::format("{}=\"{}\"", name, escape(value, true));
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_sample(std::string& out, std::string_view name, std::string_view labels, const std::string& value) {
  out += name;
  if (!labels.empty()) fmt::format_to(std::back_inserter(out), "{{{}}}", labels);
  out += ' ';
  out += value;
  out += '\n';
}

void append_head(std::string& out, std::string_view name, std::string_view help, std::string_view kind) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, escape(help, false), name, kind);
}

void append_gauge(std::string& out, std::string_view name, std::string_view help, double value,
                  std::string_view kind = "gauge") {
  append_head(out, name, help, kind);
  append_sample(out, name, "", number(value));
}

// The names that every Prometheus client library uses.
void append_process(std::string& out) {
  const auto status = read_process_status();
  append_gauge(out, "process_cpu_seconds_total", "User and system CPU time spent.", status.cpu_seconds, "counter");
  append_gauge(out, "process_open_fds", "Open file descriptors.", static_cast<double>(status.open_descriptors));
  append_gauge(out, "process_resident_memory_bytes", "Resident memory.", static_cast<double>(status.resident_bytes));
  append_gauge(out, "process_start_time_seconds", "Start of the process in Unix time.", status.start_time_s);
  append_head(out, "purposepath_build_info", "Always 1; the version is the label.", "gauge");
  append_sample(out, "purposepath_build_info", "version=\"" PURPOSEPATH_VERSION "\"", "1");
}

}  // namespace

const std::vector<double>& duration_bounds() {
  static const std::vector<double> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                          0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
  return bounds;
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

// All metrics of one name; they differ in their labels.
struct Registry::Family {
  enum class Kind { counter, gauge, histogram };
  Kind kind;
  std::string help;
  std::map<std::string, Counter> counters;
  std::map<std::string, Gauge> gauges;
  std::map<std::string, Histogram> histograms;

  static void append_histogram(std::string& out, const std::string& name, const std::string& labels,
                               const Histogram& histogram);
  void append(std::string& out, const std::string& name) const;
};

void Registry::Family::append_histogram(std::string& out, const std::string& name, const std::string& labels,
                                        const Histogram& histogram) {
  std::uint64_t count = 0;
  const auto prefix = labels.empty() ? "" : labels + ",";
  for (std::size_t i = 0; i <= histogram.bounds_.size(); ++i) {
    count += histogram.buckets_[i].load(std::memory_order_relaxed);
    const auto bound = i < histogram.bounds_.size() ? number(histogram.bounds_[i]) : "+Inf";
    append_sample(out, name + "_bucket", fmt::format("{}le=\"{}\"", prefix, bound), std::to_string(count));
  }
  append_sample(out, name + "_sum", labels, number(histogram.sum_.load(std::memory_order_relaxed)));
  append_sample(out, name + "_count", labels, std::to_string(count));
}

void Registry::Family::append(std::string& out, const std::string& name) const {
  constexpr std::array<std::string_view, 3> kKinds{"counter", "gauge", "histogram"};
  append_head(out, name, help, kKinds[static_cast<std::size_t>(kind)]);
  for (const auto& [labels, metric] : counters) append_sample(out, name, labels, number(metric.value()));
  for (const auto& [labels, metric] : gauges) append_sample(out, name, labels, number(metric.value()));
  for (const auto& [labels, metric] : histograms) append_histogram(out, name, labels, metric);
}

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Family& Registry::family(std::string_view name, std::string_view help, int kind_number) {
  const auto kind = static_cast<Family::Kind>(kind_number);
  auto found = families_.find(name);
  if (found == families_.end()) {
    if (!is_name(name)) throw base::Error(base::Code::internal_error, fmt::format("not a metric name: {}", name));
    auto made = std::make_unique<Family>();
    made->kind = kind;
    made->help = help;
    found = families_.emplace(std::string(name), std::move(made)).first;
  }
  if (found->second->kind != kind) {
    throw base::Error(base::Code::internal_error, fmt::format("the metric {} exists already as another kind", name));
  }
  return *found->second;
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const auto rendered = render(labels);
  const std::scoped_lock lock(mutex_);
  return family(name, help, static_cast<int>(Family::Kind::counter)).counters[rendered];
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const auto rendered = render(labels);
  const std::scoped_lock lock(mutex_);
  return family(name, help, static_cast<int>(Family::Kind::gauge)).gauges[rendered];
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, Labels labels,
                               const std::vector<double>& bounds) {
  const auto rendered = render(labels);
  const std::scoped_lock lock(mutex_);
  auto& histograms = family(name, help, static_cast<int>(Family::Kind::histogram)).histograms;
  return histograms.try_emplace(rendered, bounds).first->second;
}

std::string Registry::prometheus_text() const {
  std::string out;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, family] : families_) family->append(out, name);
  }
  append_process(out);
  return out;
}

}  // namespace telemetry
