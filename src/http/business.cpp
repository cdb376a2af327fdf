#include "http/business.hpp"

#include <fmt/format.h>

#include "base/parallel.hpp"
#include "coaching/local_business.hpp"

namespace http {
namespace {

using base::Code;
using base::Error;
using base::Task;
using coaching::BusinessOptions;
using coaching::BusinessProvider;
using coaching::BusinessSection;
using coaching::Coaching;
namespace json = base::json;

coaching::Owner owner_of(const Caller& caller) { return {caller.tenant_id, caller.user_id}; }

// All that may be written; a profile belongs to a person and comes from elsewhere.
std::vector<BusinessSection> all_sections() {
  std::vector<BusinessSection> sections;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<BusinessSection>>([&](auto d) {
    if (d.value != BusinessSection::profile) sections.push_back(d.value);
  });
  return sections;
}

json::object section_body(const coaching::StoredSection& stored) {
  const bool written = stored.version > 0;
  return {{"section", stored.record.section},
          {"data", stored.record.data},
          {"available", true},
          {"stale", false},
          {"version", stored.version},
          {"updated_by", written ? json::value(stored.record.updated_by) : json::value()},
          {"updated_at", written ? base::to_json(stored.record.updated_at) : json::value()}};
}

// What another system keeps has no version here.
json::object foreign_body(BusinessSection section, const std::optional<coaching::BusinessData>& data) {
  return {{"section", base::name_of(section)},
          {"data", data ? *data->value : json::value()},
          {"available", data.has_value()},
          {"stale", data && data->stale},
          {"version", nullptr},
          {"updated_by", nullptr},
          {"updated_at", nullptr}};
}

coaching::BusinessQuery query_for(const Call& call, BusinessSection section) {
  return {section, "", owner_of(call.caller), call.token(), call.request.trace};
}

using Answers = std::vector<std::optional<coaching::BusinessData>>;

Task<> read_into(const Coaching& coaching, coaching::BusinessQuery query, std::shared_ptr<Answers> answers,
                 std::size_t at) {
  try {
    (*answers)[at] = co_await coaching.business.read(std::move(query));
  } catch (const Error&) {
    // Told by `available`.
  }
}

Task<json::array> foreign_sections(const Coaching& coaching, const Call& call) {
  const auto sections = all_sections();
  const auto answers = std::make_shared<Answers>(sections.size());
  std::vector<Task<>> reading;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    reading.push_back(read_into(coaching, query_for(call, sections[i]), answers, i));
  }
  co_await base::run_all(std::move(reading));
  json::array bodies;
  for (std::size_t i = 0; i < sections.size(); ++i) bodies.push_back(foreign_body(sections[i], (*answers)[i]));
  co_return bodies;
}

Task<json::array> local_sections(const Coaching& coaching, const Call& call) {
  json::array bodies;
  for (const auto& stored : co_await coaching::read_sections(coaching.store, call.caller.tenant_id)) {
    bodies.push_back(section_body(stored));
  }
  co_return bodies;
}

Task<Response> list(const Coaching& coaching, const BusinessOptions& options, const Call& call) {
  const bool local = options.provider == BusinessProvider::local;
  auto sections = local ? co_await local_sections(coaching, call) : co_await foreign_sections(coaching, call);
  co_return Response::json(200, {{"provider", base::name_of(options.provider)}, {"sections", std::move(sections)}});
}

Task<Response> show(const Coaching& coaching, const BusinessOptions& options, BusinessSection section,
                    const Call& call) {
  if (options.provider == BusinessProvider::local) {
    co_return Response::json(
        200, section_body(co_await coaching::read_section(coaching.store, call.caller.tenant_id, section)));
  }
  const auto data = co_await coaching.business.read(query_for(call, section));
  co_return Response::json(200, foreign_body(section, data));
}

void refuse_foreign(const BusinessOptions& options) {
  if (options.provider == BusinessProvider::local) return;
  const bool http = options.provider == BusinessProvider::http;
  throw Error(Code::conflict,
              http ? "the business data is kept in the Business API that this service reads; change it there"
                   : "this service keeps no business data (business.provider=none)",
              json::object{{"provider", base::name_of(options.provider)}});
}

Task<json::array> write(const Coaching& coaching, const Call& call, std::vector<coaching::SectionEdit> edits) {
  const auto after = co_await coaching::write_sections(coaching.store, coaching.ids, coaching.clock,
                                                       owner_of(call.caller), std::move(edits));
  json::array bodies;
  for (const auto& stored : after) bodies.push_back(section_body(stored));
  co_return bodies;
}

Task<Response> replace_some(const Coaching& coaching, const BusinessOptions& options, const Call& call) {
  refuse_foreign(options);
  std::vector<coaching::SectionEdit> edits;
  for (auto& member : call.object("sections")) {
    edits.push_back({base::enum_from<BusinessSection>(member.key()), std::move(member.value()), std::nullopt});
  }
  auto sections = co_await write(coaching, call, std::move(edits));
  co_return Response::json(200, {{"provider", base::name_of(options.provider)}, {"sections", std::move(sections)}});
}

Task<Response> replace(const Coaching& coaching, const BusinessOptions& options, BusinessSection section,
                       const Call& call) {
  refuse_foreign(options);
  const auto& body = call.input.body.as_object();
  std::vector<coaching::SectionEdit> edits{{section, body.at("data"), std::nullopt}};
  if (const auto* version = body.if_contains("version"); version != nullptr && !version->is_null()) {
    edits.front().seen_version = version->to_number<std::int64_t>();
  }
  const auto sections = co_await write(coaching, call, std::move(edits));
  co_return Response::json(200, sections.front());
}

}  // namespace

void add_business(Handlers& handlers, const Coaching& coaching, const BusinessOptions& options) {
  handlers.emplace("get_business", [&coaching, &options](const Call& call) { return list(coaching, options, call); });
  handlers.emplace("put_business",
                   [&coaching, &options](const Call& call) { return replace_some(coaching, options, call); });
  for (const auto section : all_sections()) {
    const auto name = base::name_of(section);
    handlers.emplace(fmt::format("get_business_{}", name), [&coaching, &options, section](const Call& call) {
      return show(coaching, options, section, call);
    });
    handlers.emplace(fmt::format("put_business_{}", name), [&coaching, &options, section](const Call& call) {
      return replace(coaching, options, section, call);
    });
  }
}

}  // namespace http
