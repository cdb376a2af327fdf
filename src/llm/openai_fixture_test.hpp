#pragma once
// What servers by OpenAI's protocols answer, and a provider that asks one.
#include <memory>
#include <string>
#include <string_view>

#include "llm/openai.hpp"
#include "llm/vendor_fixture_test.hpp"

namespace llm {

inline std::string delta(std::string_view text) {
  return "data: "
         "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-2026\",\"choices\":[{\"index\":0,\"delta\":"
         "{\"content\":" +
         json::serialize(json::string(text)) + "},\"finish_reason\":null}],\"usage\":null}\n\n";
}
inline constexpr const char* kFinish =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr const char* kUsage =
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15,\"prompt_tokens_"
    "details\":{\"cached_tokens\":8}}}\n\n";
inline constexpr const char* kDone = "data: [DONE]\n\n";

struct OpenAiTest : VendorTest {
  static Model some_model() { return {.code = "some", .vendor = Vendor::openai, .id = "m"}; }

  std::unique_ptr<Provider> provider(const Impostor& server) override { return provider(server, {}); }
  std::unique_ptr<Provider> provider(const Impostor& server, OpenAiOptions options, const Model& model = some_model()) {
    options.base_url = server.url("/v1");
    if (options.api_key.empty()) options.api_key = base::Secret(kTestKey);
    return make_openai(model, options, dependencies());
  }
};

}  // namespace llm
