#include "coaching/local_business.hpp"

#include <fmt/format.h>

#include "coaching/audit.hpp"
#include "coaching/records.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// Each round needs somebody else to have written in between.
constexpr int kRounds = 5;

store::Key section_key(std::string_view tenant_id, std::string_view section) {
  return {fmt::format("business#{}", key_part(tenant_id)), std::string(section)};
}

StoredSection stored_section(const std::optional<store::Item>& item, BusinessSection section) {
  StoredSection stored;
  if (item) {
    stored = {record_of<SectionRecord>(*item), item->version};
  } else {
    stored.record.section = base::name_of(section);
  }
  return stored;
}

template <class Visit>
void each_stored_section(Visit visit) {
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<BusinessSection>>([&](auto d) {
    if (d.value != BusinessSection::profile) visit(d.value);
  });
}

Error changed_meanwhile(const StoredSection& now) {
  return Error(Code::conflict,
               fmt::format("{} has been changed by somebody else in the meantime; read it again and put your change "
                           "on top",
                           now.record.section),
               base::json::object{{"section", now.record.section}, {"version", now.version}});
}

std::int64_t entries_of(const base::json::value& data) {
  if (data.is_array()) return std::ssize(data.get_array());
  return data.is_object() ? std::ssize(data.get_object()) : 0;
}

// What one edit makes of what is there; nullopt when that is what it wants already.
std::optional<StoredSection> edited(const StoredSection& before, SectionEdit edit, const Owner& actor, base::Time now) {
  if (edit.seen_version && *edit.seen_version != before.version) throw changed_meanwhile(before);
  if (before.version > 0 && before.record.data == edit.data) return std::nullopt;
  return StoredSection{{before.record.section, std::move(edit.data), actor.user_id, now}, before.version + 1};
}

store::Put put_section(const std::string& tenant_id, const StoredSection& section) {
  store::Item item;
  item.key = section_key(tenant_id, section.record.section);
  item.version = section.version;
  item.body = body_of(section.record);
  if (item.body.size() > kMaxSectionBytes) {
    throw Error(Code::payload_too_large,
                fmt::format("{} would have {} KB, and a section may have {}; keep what coaching needs",
                            section.record.section, item.body.size() / 1024, kMaxSectionBytes / 1024));
  }
  const bool fresh = section.version == 1;
  return {std::move(item), fresh ? store::Condition::absent() : store::Condition::version_is(section.version - 1)};
}

}  // namespace

Task<std::vector<StoredSection>> read_sections(store::Store& store, std::string tenant_id) {
  std::vector<store::Key> keys;
  each_stored_section([&](BusinessSection section) { keys.push_back(section_key(tenant_id, base::name_of(section))); });
  const auto items = co_await store.get_many(std::move(keys));
  std::vector<StoredSection> sections;
  each_stored_section([&](BusinessSection section) {
    const auto found = std::ranges::find(items, base::name_of(section), [](const auto& item) { return item.key.sort; });
    sections.push_back(stored_section(found == items.end() ? std::nullopt : std::optional(*found), section));
  });
  co_return sections;
}

Task<StoredSection> read_section(store::Store& store, std::string tenant_id, BusinessSection section) {
  const auto item = co_await store.get(section_key(tenant_id, base::name_of(section)));
  co_return stored_section(item, section);
}

Task<std::vector<StoredSection>> write_sections(store::Store& store, base::Ids& ids, const base::Clock& clock,
                                                Owner actor, std::vector<SectionEdit> edits) {
  for (int round = 0; round < kRounds; ++round) {
    std::vector<StoredSection> after;
    std::vector<store::Write> writes;
    for (const auto& edit : edits) {
      auto before = co_await read_section(store, actor.tenant_id, edit.section);
      auto changed = edited(before, edit, actor, clock.now());
      if (changed) {
        writes.emplace_back(put_section(actor.tenant_id, *changed));
        writes.emplace_back(audited(ids, clock, actor, actor.tenant_id, "business.write", changed->record.section,
                                    {{"version", changed->version}, {"entries", entries_of(changed->record.data)}}));
      }
      after.push_back(changed ? std::move(*changed) : std::move(before));
    }
    if (writes.empty()) co_return after;
    const auto outcome = co_await store.transact(std::move(writes));
    if (outcome.committed()) co_return after;
  }
  throw Error(Code::conflict, "the business data is being changed by somebody else; try again");
}

Task<BusinessData> LocalBusiness::read(BusinessQuery query) {
  auto value = std::make_shared<base::json::value>();
  if (query.section == BusinessSection::profile) co_return BusinessData{std::move(value), false};
  const auto stored = co_await read_section(store_, query.owner.tenant_id, query.section);
  if (query.id.empty()) {
    *value = stored.record.data;
  } else if (const auto* list = stored.record.data.if_array()) {
    const auto found = std::ranges::find_if(*list, [&](const base::json::value& element) {
      const auto* id = element.is_object() ? element.get_object().if_contains("id") : nullptr;
      return id != nullptr && *id == base::json::value(query.id);
    });
    if (found != list->end()) *value = *found;
  }
  co_return BusinessData{std::move(value), false};
}

Task<BusinessHealth> LocalBusiness::health() { co_return BusinessHealth{}; }

}  // namespace coaching
