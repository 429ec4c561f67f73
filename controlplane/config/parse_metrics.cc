// The section `metrics`.

#include <fmt/core.h>

#include <arpa/inet.h>

#include <array>
#include <cctype>

#include "controlplane/config/parse.h"
#include "controlplane/config/units.h"

namespace weir::controlplane {
namespace {

constexpr std::array<KnownKey, 2> kMetricsKeys = {{{"listen"}, {"export"}}};
constexpr std::array<KnownKey, 7> kExportKeys = {
    {{"name"}, {"type"}, {"program"}, {"map"}, {"value"}, {"labels"}, {"max_series"}}};

/// Prometheus' data model: [a-zA-Z_:][a-zA-Z0-9_:]*; labels have no ':'.
bool is_metric_name(std::string_view name, bool colon_allowed) {
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
    for (const char letter : name)
        if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '_' &&
            !(letter == ':' && colon_allowed))
            return false;
    return true;
}

bool is_address(const std::string& host) {
    unsigned char raw[16];
    return inet_pton(AF_INET, host.c_str(), raw) == 1 ||
           inet_pton(AF_INET6, host.c_str(), raw) == 1;
}

void read_listen(Reader& reader, const Node& node, MetricsConfig& metrics) {
    const std::string text = reader.text(node, "metrics.listen");
    const size_t colon = text.rfind(':');
    if (colon != std::string::npos) {
        std::string host = text.substr(0, colon);
        if (host.size() > 2 && host.front() == '[' && host.back() == ']')
            host = host.substr(1, host.size() - 2);
        const Result<uint64_t> port = parse_number(text.substr(colon + 1));
        if (is_address(host) && port && *port >= 1 && *port <= UINT16_MAX) {
            metrics.host = host;
            metrics.port = static_cast<uint16_t>(*port);
            return;
        }
    }
    reader.refuse_value(node, "metrics.listen", "ADDRESS:PORT like 127.0.0.1:9464 or [::1]:9464");
}

void read_labels(Reader& reader, const Node& node, const std::string& key, ExportConfig& metric) {
    if (!reader.open_names(node, key)) return;
    for (const NodeEntry& entry : node.entries) {
        const std::string label_key = join_key(key, entry.key);
        if (!is_metric_name(entry.key, false))
            return reader.refuse(
                entry.key_place, key,
                fmt::format("label '{}', expected letters, digits and '_'", entry.key));
        const std::string source = reader.text(entry.value, label_key);
        if (source != "key" && (!source.starts_with("key.") || source.size() == 4))
            return reader.refuse_value(entry.value, label_key, "key, or key.MEMBER");
        metric.labels.push_back(
            {entry.key, source == "key" ? "" : source.substr(4), entry.value.place});
    }
}

void read_export(Reader& reader, const Node& node, const std::string& key, MetricsConfig& metrics) {
    if (node.kind != NodeKind::Map)
        return reader.refuse_value(node, key, "a map like {name: …, program: …, map: …}");
    if (!reader.open_map(node, key, kExportKeys)) return;
    ExportConfig metric;
    metric.place = node.place;
    const auto required = [&](const char* name) -> At<std::string> {
        const Node* value = node.find(name);
        if (value != nullptr) return {reader.text(*value, join_key(key, name)), value->place};
        reader.refuse(node.place, join_key(key, name), "missing, expected a name");
        return {};
    };
    const At<std::string> name = required("name");
    if (reader.ok() && !is_metric_name(name.value, true))
        reader.refuse_value(*node.find("name"), key + ".name",
                            "a metric's name: letters, digits, '_' and ':'");
    metric.name = name.value;
    metric.program = required("program");
    metric.map = required("map");
    if (const Node* type = node.find("type"))
        metric.type = reader.choice<MetricType>(
            *type, key + ".type", {{"counter", MetricType::Counter}, {"gauge", MetricType::Gauge}});
    if (const Node* value = node.find("value"))
        metric.value = {reader.text(*value, key + ".value"), value->place};
    if (const Node* labels = node.find("labels"))
        read_labels(reader, *labels, key + ".labels", metric);
    if (const Node* most = node.find("max_series"))
        metric.series_max =
            static_cast<uint32_t>(reader.number(*most, key + ".max_series", 1, kSeriesMax));
    metrics.exports.push_back(std::move(metric));
}

}  // namespace

void read_metrics(Reader& reader, const Node& node, Config& config) {
    if (!reader.open_map(node, "metrics", kMetricsKeys)) return;
    if (const Node* listen = node.find("listen")) read_listen(reader, *listen, config.metrics);
    const Node* exports = node.find("export");
    if (exports == nullptr || !reader.open_list(*exports, "metrics.export")) return;
    if (exports->items.size() > kExportsMax)
        return reader.refuse(
            exports->place, "metrics.export",
            fmt::format("{} entries, expected at most {}", exports->items.size(), kExportsMax));
    for (size_t i = 0; i < exports->items.size() && reader.ok(); ++i)
        read_export(reader, exports->items[i], fmt::format("metrics.export[{}]", i),
                    config.metrics);
}

}  // namespace weir::controlplane
