// Servers other than OpenAI that speak its protocols, each in its own way.
#include <gtest/gtest.h>

#include "llm/openai_fixture_test.hpp"

namespace llm {
namespace {

std::string data_line(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }

constexpr const char* kHello = R"({"choices":[{"message":{"content":"Hello."},"finish_reason":"stop"}]})";

// Azure.

struct AzureTest : OpenAiTest {
  static Model deployment() { return {.code = "mini", .vendor = Vendor::azure, .id = "gpt-4.1-mini"}; }

  std::unique_ptr<Provider> azure(const Impostor& server, const std::string& version = "",
                                  const Model& model = deployment(), const std::string& path = "") {
    const AzureOptions options{.base_url = server.url(path), .api_key = base::Secret(kTestKey), .api_version = version};
    return make_azure(model, options, dependencies());
  }

  // The request's first line, without its version.
  std::string asked_for(const std::string& version, OpenAiApi api, const std::string& path = "") {
    Impostor server(context, answers({json_ok(api == OpenAiApi::chat ? kHello : R"({"status":"completed"})")}));
    auto model = deployment();
    model.api = api;
    const auto from = azure(server, version, model, path);
    complete(*from, request(), false);
    return requests.back().substr(0, requests.back().find(" HTTP/"));
  }
};

TEST_F(AzureTest, IsAskedByItsUndatedRoutes) {
  EXPECT_EQ(asked_for("", OpenAiApi::chat), "POST /openai/v1/chat/completions");
  EXPECT_EQ(asked_for("", OpenAiApi::responses), "POST /openai/v1/responses");
  EXPECT_EQ(asked_for("", OpenAiApi::chat, "/openai/v1/"), "POST /openai/v1/chat/completions");
  EXPECT_EQ(sent().at("model"), "gpt-4.1-mini");
  EXPECT_TRUE(sent().contains("max_completion_tokens"));
  EXPECT_FALSE(sent().contains("store"));
  EXPECT_NE(requests.back().find(std::string("\r\napi-key: ") + kTestKey + "\r\n"), std::string::npos);
  EXPECT_EQ(requests.back().find("Authorization"), std::string::npos);
}

TEST_F(AzureTest, IsAskedByItsDatedRoutes) {
  EXPECT_EQ(asked_for("2024-10-21", OpenAiApi::chat),
            "POST /openai/deployments/gpt-4.1-mini/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(asked_for("2025-04-01-preview", OpenAiApi::responses),
            "POST /openai/responses?api-version=2025-04-01-preview");
  EXPECT_EQ(sent().at("model"), "gpt-4.1-mini");
  EXPECT_EQ(sent().at("store"), false);
}

TEST_F(AzureTest, IsHealthyWhenItsModelsCanBeListed) {
  for (const auto& [version, route] : {std::pair{"", "GET /openai/v1/models "},
                                       std::pair{"2024-10-21", "GET /openai/models?api-version=2024-10-21 "}}) {
    requests.clear();
    Impostor server(context, answers({json_ok("{}")}));
    EXPECT_EQ(net::await(context, azure(server, version)->health()).state, Health::State::healthy);
    EXPECT_TRUE(requests.at(0).starts_with(route)) << requests.at(0);
  }
}

TEST_F(AzureTest, RefusesOptionsItCannotUse) {
  auto odd = deployment();
  odd.id = "my deployment";
  struct Case {
    Model model;
    AzureOptions options;
    const char* named;
  };
  const std::string url = "https://name.openai.azure.com";
  for (const auto& [model, options, named] :
       {Case{deployment(), {}, "llm.azure.base_url"}, Case{{}, {.base_url = url}, "llm.model"},
        Case{odd, {.base_url = url, .api_version = "2024-10-21"}, "deployment"},
        Case{deployment(), {.base_url = url, .api_version = "2024&x=1"}, "api_version"},
        Case{deployment(), {.base_url = url, .api_key = base::Secret("k\n")}, "api-key"}}) {
    try {
      make_azure(model, options, dependencies());
      ADD_FAILURE() << named;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, Code::validation_error);
      EXPECT_NE(error.message.find(named), error.message.npos) << error.message;
    }
  }
}

TEST_F(AzureTest, SaysWhenItsContentFilterStoppedTheRequest) {
  const std::string inner =
      R"("innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}})";
  for (const auto& error :
       {R"({"error":{"message":"What the person said in confidence","type":null,"code":"content_filter",)" + inner +
            "}}",
        R"({"error":{"code":null,"type":"invalid_request_error",)" + inner + "}}",
        std::string(R"({"error":{"code":"x","inner_error":{"code":"ResponsibleAIPolicyViolation"}}})"),
        std::string(R"({"error":{"code":"content_policy_violation"}})")}) {
    for (const bool stream : {true, false}) {
      Impostor server(context, answers({http_answer("400 Bad Request", "application/json", error)}));
      const auto refused = failure(*azure(server), stream);
      EXPECT_EQ(refused.code, Code::llm_error);
      EXPECT_EQ(refused.details.at("provider_code"), "content_filter");
      EXPECT_NE(refused.message.find("content filter"), refused.message.npos) << refused.message;
    }
    const auto in_stream = failure(stream_ok(delta("some") + data_line(error)));
    EXPECT_EQ(in_stream.code, Code::llm_error);
    EXPECT_EQ(in_stream.details.at("provider_code"), "content_filter");
  }
}

// The first chunk tells of the prompt, and chunks in between of the filter: neither has a text.
TEST_F(AzureTest, StreamsWithWhatItsFilterFound) {
  Impostor server(
      context,
      answers({http_answer(
          "200 OK", "text/event-stream",
          data_line(
              R"({"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]})") +
              data_line(
                  R"({"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"id":"chatcmpl-1","model":"gpt-4.1-mini-2025-04-14","usage":null})") +
              delta("Hel") + delta("lo.") +
              data_line(
                  R"({"choices":[{"content_filter_offsets":{"check_offset":44},"content_filter_results":{},"finish_reason":null,"index":0}],"id":"","model":""})") +
              data_line(
                  R"({"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"content_filter","index":0}]})") +
              kDone,
          "apim-request-id: 5d2\r\nx-ratelimit-remaining-requests: -1\r\nx-ratelimit-reset-requests: 0\r\n"
          "x-ratelimit-remaining-tokens: -1\r\n")}));
  const auto from = azure(server);
  const auto reply = complete(*from, request());
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.model, "gpt-4.1-mini-2025-04-14");
  EXPECT_EQ(reply.finish_reason, FinishReason::content_filter);
  EXPECT_EQ(reply.provider_request_id, "5d2");
  EXPECT_EQ(metrics.prometheus_text().find("ratelimit"), std::string::npos);
}

// Compatible servers.

struct CompatibleTest : OpenAiTest {
  Reply ask_compatible(const std::string& with_answer, bool stream = true) {
    Impostor server(context, answers({with_answer}));
    const auto from = make_compatible(model(), {.base_url = server.url("/v1")}, dependencies());
    return complete(*from, request(), stream);
  }
  base::Error refused(const std::string& with_answer, bool stream = true) {
    Impostor server(context, answers({with_answer}));
    const auto from = make_compatible(model(), {.base_url = server.url("/v1")}, dependencies());
    return failure(*from, stream);
  }
  static Model model() { return {.code = "own", .vendor = Vendor::compatible, .id = "llama3.1"}; }
};

TEST_F(CompatibleTest, AreAskedForNothingThatOnlyOpenAiKnows) {
  ask_compatible(stream_ok(delta("x") + kFinish + kDone));
  const auto body = sent();
  EXPECT_EQ(body.at("max_tokens"), 1024);
  EXPECT_EQ(body.at("stream_options"), json::parse(R"({"include_usage":true})"));
  for (const auto* name : {"store", "prompt_cache_key", "reasoning_effort", "max_completion_tokens"}) {
    EXPECT_FALSE(body.contains(name)) << name;
  }
  EXPECT_EQ(requests.back().find("Authorization"), std::string::npos);
}

TEST_F(CompatibleTest, NeedAnAddress) {
  EXPECT_THROW(make_compatible(model(), {}, dependencies()), base::Error);
  auto with_address = model();
  with_address.base_url = "http://localhost:11434/v1";
  EXPECT_EQ(make_compatible(with_address, {}, dependencies())->name(), "compatible");
}

// No role but in the first delta, whose content is null; usage and timings in the chunk with the finish reason.
TEST_F(CompatibleTest, ReadLlamaCpp) {
  const auto reply = ask_compatible(stream_ok(
      data_line(
          R"({"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"chatcmpl-a","model":"/models/m.gguf","system_fingerprint":"b6210-a094f38","object":"chat.completion.chunk"})") +
      data_line(R"({"choices":[{"finish_reason":null,"index":0,"delta":{"reasoning_content":"Hm."}}]})") +
      data_line(R"({"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hel"}}]})") +
      data_line(R"({"choices":[{"finish_reason":null,"index":0,"delta":{"content":"lo."}}]})") +
      data_line(
          R"({"choices":[{"finish_reason":"length","index":0,"delta":{}}],"usage":{"completion_tokens":9,"prompt_tokens":31,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":20}},"timings":{"prompt_n":11,"prompt_ms":84.5}})") +
      kDone));
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.finish_reason, FinishReason::length);
  EXPECT_EQ(reply.model, "/models/m.gguf");
  EXPECT_EQ(reply.usage.prompt_tokens, 31);
  EXPECT_EQ(reply.usage.completion_tokens, 9);
  EXPECT_EQ(reply.usage.cached_tokens, 20);
  const auto loading =
      refused(http_answer("503 Service Unavailable", "application/json; charset=utf-8",
                          R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})"));
  EXPECT_EQ(loading.code, Code::llm_unavailable);
}

// A role in every delta; thoughts as `reasoning`; three totals as usage; errors as a text, in a stream too.
TEST_F(CompatibleTest, ReadOllama) {
  const auto chunk = [](const std::string& delta, const std::string& finish) {
    return data_line(
        R"({"id":"chatcmpl-7","object":"chat.completion.chunk","created":1,"model":"llama3.1","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant",)" +
        delta + R"(},"finish_reason":)" + finish + "}]}");
  };
  const auto reply = ask_compatible(stream_ok(
      chunk(R"("content":"","reasoning":"Hm.")", "null") + chunk(R"("content":"Hel")", "null") +
      chunk(R"("content":"lo.")", "null") + chunk(R"("content":"")", R"("stop")") +
      data_line(
          R"({"model":"llama3.1","choices":[],"usage":{"prompt_tokens":26,"completion_tokens":3,"total_tokens":29}})") +
      kDone));
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.usage.prompt_tokens, 26);
  EXPECT_EQ(reply.usage.cached_tokens, 0);
  EXPECT_FALSE(reply.usage.estimated);
  const auto late = refused(
      stream_ok(chunk(R"("content":"Hel")", "null") + data_line(R"({"error":"What the person said in confidence"})")));
  EXPECT_EQ(late.code, Code::llm_unavailable);
  EXPECT_EQ(refused(http_answer(
                        "404 Not Found", "application/json",
                        R"({"error":{"message":"model \"m\" not found","type":"api_error","param":null,"code":null}})"))
                .code,
            Code::llm_error);
}

// Usage in every chunk when it is told to, or no choices at all in the last; its own word for an error.
TEST_F(CompatibleTest, ReadVllm) {
  const auto chunk = [](const std::string& choice, int completion) {
    return data_line(
        R"({"id":"chatcmpl-b","object":"chat.completion.chunk","model":"org/model","choices":[{"index":0,)" + choice +
        R"(}],"usage":{"prompt_tokens":12,"total_tokens":20,"completion_tokens":)" + std::to_string(completion) + "}}");
  };
  const auto reply = ask_compatible(stream_ok(
      chunk(R"("delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null)", 0) +
      chunk(R"("delta":{"reasoning_content":"Hm."},"finish_reason":null)", 3) +
      chunk(R"("delta":{"content":"Hello."},"finish_reason":null)", 5) +
      chunk(R"("delta":{"content":" And?"},"finish_reason":"stop","stop_reason":null)", 8) +
      data_line(
          R"({"id":"chatcmpl-b","choices":null,"usage":{"prompt_tokens":12,"total_tokens":20,"completion_tokens":8}})") +
      kDone));
  EXPECT_EQ(reply.text.reveal(), "Hello. And?");
  EXPECT_EQ(reply.usage.completion_tokens, 8);
  for (
      const auto* error :
      {R"({"error":{"message":"What the person said in confidence","type":"BadRequestError","param":null,"code":400}})",
       R"({"object":"error","message":"What the person said in confidence","type":"BadRequestError","code":400})"}) {
    EXPECT_EQ(refused(stream_ok(chunk(R"("delta":{"content":"x"})", 1) + data_line(error))).code, Code::llm_error);
    EXPECT_EQ(refused(json_ok(error), false).code, Code::llm_error);
  }
  EXPECT_EQ(refused(stream_ok(data_line(R"({"error":{"type":"InternalServerError","code":500}})"))).code,
            Code::llm_unavailable);
}

TEST_F(CompatibleTest, ReadContentInParts) {
  const auto reply = ask_compatible(
      json_ok(R"({"choices":[{"message":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"Hel"},
      {"type":"text","text":"lo."},"x"]},"finish_reason":"stop"}]})"),
      false);
  EXPECT_EQ(reply.text.reveal(), "Hello.");
}

TEST_F(CompatibleTest, ReadAnswersWithLittleInThem) {
  for (const auto* bare : {R"({"choices":[{"message":{"content":"Hello."}}],"usage":null})",
                           R"({"choices":[{"message":{"content":"Hello."}}],"usage":{}})"}) {
    const auto reply = ask_compatible(json_ok(bare), false);
    EXPECT_EQ(reply.text.reveal(), "Hello.");
    EXPECT_EQ(reply.model, "llama3.1");
    EXPECT_TRUE(reply.usage.estimated);
  }
  const auto reply = ask_compatible(stream_ok(data_line(R"({"choices":[{"delta":{"content":"Hello."}}]})") +
                                              data_line(R"({"choices":[{"finish_reason":"stop"}]})")));
  EXPECT_EQ(reply.text.reveal(), "Hello.");
}

TEST_F(CompatibleTest, HaveTheResponsesApiToo) {
  auto other = model();
  other.api = OpenAiApi::responses;
  Impostor server(context, answers({json_ok(
                               R"({"id":"r","status":"completed","output":[{"type":"message","content":[
                               {"type":"output_text","text":"Hello."}]}]})")}));
  const auto from = make_compatible(other, {.base_url = server.url("/v1")}, dependencies());
  EXPECT_EQ(complete(*from, request()).text.reveal(), "Hello.");
  EXPECT_TRUE(requests.back().starts_with("POST /v1/responses ")) << requests.back();
  EXPECT_EQ(sent().at("store"), false);
}

}  // namespace
}  // namespace llm
