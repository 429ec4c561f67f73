#include "perf/micro/jit/plot.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/core.h>

namespace weir::perf {
namespace {

constexpr double kWidth = 960, kLabelWidth = 250, kRightMargin = 30;
constexpr double kTitleHeight = 62, kRowHeight = 24, kAxisHeight = 44;
constexpr double kDot = 4.5;

/// Powers of ten around all that a panel shows.
class Axis {
public:
    explicit Axis(const Panel& panel) {
        double least = INFINITY, most = 0;
        for (const std::string& row : panel.measured.rows()) {
            for (const PlotSeries& series : panel.series) {
                const auto value = panel.measured.value(row, series.column);
                if (!value) continue;
                least = std::min(least, value->low);
                most = std::max(most, value->high);
            }
        }
        first_ = static_cast<int>(std::floor(std::log10(least)));
        last_ = std::max(static_cast<int>(std::ceil(std::log10(most))), first_ + 1);
    }
    double at(double value) const {
        const double part = (std::log10(value) - first_) / (last_ - first_);
        return kLabelWidth + std::clamp(part, 0.0, 1.0) * (kWidth - kLabelWidth - kRightMargin);
    }
    int first() const { return first_; }
    int last() const { return last_; }

private:
    int first_, last_;
};

std::string escaped(const std::string& text) {
    std::string safe;
    for (const char letter : text) {
        if (letter == '<')
            safe += "&lt;";
        else if (letter == '&')
            safe += "&amp;";
        else
            safe += letter;
    }
    return safe;
}

double height_of(const Panel& panel) {
    return kTitleHeight + kAxisHeight +
           kRowHeight * static_cast<double>(panel.measured.rows().size());
}

void write_text(FILE* out, double x, double y, const char* style, const std::string& text) {
    fmt::print(out, "<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escaped(text));
}

void write_head(FILE* out, const Panel& panel, double top) {
    write_text(out, 16, top + 22, "class=\"title\"", panel.title);
    const double step =
        (kWidth - kLabelWidth - kRightMargin) / static_cast<double>(panel.series.size());
    double x = kLabelWidth;
    for (const PlotSeries& series : panel.series) {
        fmt::print(out, "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"/>\n", x, top + 42,
                   kDot, series.colour);
        write_text(out, x + 9, top + 46, "", series.column);
        x += step;
    }
}

/// Lines at 1, 2 and 5 of each power, with numbers below.
void write_grid(FILE* out, const Axis& axis, double top, double bottom) {
    for (int power = axis.first(); power <= axis.last(); ++power) {
        for (const int digit : {1, 2, 5}) {
            if (power == axis.last() && digit > 1) break;
            const double value = digit * std::pow(10, power);
            const double x = axis.at(value);
            fmt::print(out,
                       "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" "
                       "stroke=\"{3}\"/>\n",
                       x, top, bottom, digit == 1 ? "#bbb" : "#e6e6e6");
            write_text(out, x, bottom + 16, "text-anchor=\"middle\" class=\"small\"",
                       fmt::format("{:g}", value));
        }
    }
    write_text(out, (kLabelWidth + kWidth - kRightMargin) / 2, bottom + 33,
               "text-anchor=\"middle\" class=\"small\"", "ns per packet, logarithmic");
}

void write_row(FILE* out, const Panel& panel, const std::string& row, const Axis& axis, double y) {
    write_text(out, kLabelWidth - 12, y + 4, "text-anchor=\"end\"", row);
    for (const PlotSeries& series : panel.series) {
        const auto value = panel.measured.value(row, series.column);
        if (!value) continue;
        fmt::print(out,
                   "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
                   "stroke-width=\"2\"/>\n",
                   axis.at(value->low), axis.at(value->high), y, y, series.colour);
        fmt::print(out,
                   "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" "
                   "fill-opacity=\"0.85\"/>\n",
                   axis.at(value->median), y, kDot, series.colour);
    }
}

void write_panel(FILE* out, const Panel& panel, double top) {
    const Axis axis(panel);
    const double bottom = top + height_of(panel) - kAxisHeight;
    write_head(out, panel, top);
    write_grid(out, axis, top + kTitleHeight, bottom);
    double y = top + kTitleHeight + kRowHeight / 2;
    for (const std::string& row : panel.measured.rows()) {
        write_row(out, panel, row, axis, y);
        y += kRowHeight;
    }
}

}  // namespace

void write_svg(FILE* out, const std::vector<Panel>& panels) {
    double height = 0;
    for (const Panel& panel : panels) height += height_of(panel);
    fmt::print(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
               "viewBox=\"0 0 {0} {1}\">\n"
               "<style>text {{ font: 12px sans-serif; fill: #222; }} "
               ".title {{ font-weight: bold; font-size: 14px; }} "
               ".small {{ font-size: 11px; }}</style>\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
               kWidth, height);
    double top = 0;
    for (const Panel& panel : panels) {
        write_panel(out, panel, top);
        top += height_of(panel);
    }
    fmt::print(out, "</svg>\n");
}

}  // namespace weir::perf
