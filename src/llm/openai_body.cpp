#include "llm/openai_body.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "base/json.hpp"
#include "llm/schema_text.hpp"
#include "llm/vendor_request.hpp"

namespace llm {
namespace {

// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): the same in every process, unlike std::hash.
std::uint64_t hash(std::uint64_t so_far, std::string_view text) {
  for (const unsigned char byte : text) so_far = (so_far ^ byte) * 0x100000001b3;
  return so_far;
}

}  // namespace

bool asks_for(StructuredOutput form, const OpenAiDialect& dialect, const Request& request) {
  return request.schema != nullptr && dialect.structured == form;
}

void append_message(std::string& out, std::string_view role, std::string_view content) {
  if (out.back() != '[') out += ',';
  out.append(R"({"role":")").append(role).append(R"(","content":)");
  base::append_json_string(out, content);
  out += '}';
}

void append_conversation(std::string& out, const OpenAiDialect& dialect, const Request& request) {
  if (!request.summary.empty()) append_message(out, "system", request.summary.reveal());
  for (const auto& message : request.messages) {
    append_message(out, message.role == Role::user ? "user" : "assistant", message.content.reveal());
  }
  const auto guidance = guidance_for(dialect.structured, request);
  if (!guidance.empty()) append_message(out, request.messages.empty() ? "user" : "system", guidance);
}

std::string_view schema_name(const Request& request) {
  return request.schema_name.empty() ? std::string_view("answer") : std::string_view(request.schema_name);
}

void append_schema(std::string& out, const Request& request, const char* member) {
  out += R"("name":)";
  base::append_json_string(out, schema_name(request));
  out.append(R"(,"strict":true,")")
      .append(member)
      .append("\":")
      .append(schema_text(*request.schema, Dialect::openai_strict).text);
}

void append_temperature(std::string& out, const OpenAiDialect& dialect, const Request& request) {
  if (!dialect.says_temperature) return;
  fmt::format_to(std::back_inserter(out), FMT_STRING(",\"temperature\":{}"), request.temperature);
}

void append_store(std::string& out, const OpenAiDialect& dialect) {
  out += dialect.store ? R"(,"store":true)" : R"(,"store":false)";
}

void append_cache_key(std::string& out, const OpenAiDialect& dialect, const Request& request) {
  if (!dialect.says_cache_key || request.topic.empty()) return;
  out.append(R"(,"prompt_cache_key":")").append(prompt_cache_key(request)).append("\"");
}

void reserve_body(std::string& out, const Request& request) {
  auto size = request.system.size() + request.summary.size() + request.guidance.size() + 512;
  for (const auto& message : request.messages) size += message.content.size() + 64;
  out.reserve(size + size / 16);
}

std::string prompt_cache_key(const Request& request) {
  constexpr std::uint64_t kBasis = 0xcbf29ce484222325;
  return fmt::format("pp-{:016x}", hash(hash(hash(kBasis, request.topic), "\n"), request.schema_name));
}

}  // namespace llm
