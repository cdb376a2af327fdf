#include "llm/vendor_request.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "llm/schema_dialect.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

net::HttpRequest post_to(net::Url url) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}};
  // The model's work may be done twice when a kept connection breaks; no state changes by it.
  request.repeatable = true;
  return request;
}

void need_model(const Model& model, std::string_view server) {
  if (!model.id.empty()) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("no model is configured for {}; set llm.model to one that it serves", server));
}

void add_key(net::HttpRequest& request, std::string_view header, const base::Secret& key) {
  if (key.empty()) return;
  check_header("api_key", key.reveal());
  request.headers.emplace_back(header, key.reveal());
}

std::string guidance_for(StructuredOutput structured, const Request& request) {
  std::string guidance = request.guidance.reveal();
  const bool in_words = structured == StructuredOutput::json || structured == StructuredOutput::words;
  if (request.schema == nullptr || !in_words) return guidance;
  if (!guidance.empty()) guidance += "\n\n";
  return guidance + ask_for_json(*request.schema);
}

std::string answer_name(const Request& request) {
  constexpr std::size_t kLongest = 64;
  return request.schema_name.empty() ? "answer" : request.schema_name.substr(0, kLongest);
}

}  // namespace llm
