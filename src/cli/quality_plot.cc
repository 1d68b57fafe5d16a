// QualitySvg: three panels under each other, each a figure over the size of the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string_view>

#include "cli/quality_report.h"

namespace weir::cli {
namespace {

constexpr double kWidth = 760;
constexpr double kPanelHeight = 250;
constexpr double kLeft = 80;  // of the axes, inside the picture
constexpr double kRight = 150;
constexpr double kTop = 40;
constexpr double kBottom = 45;
constexpr double kTicks = 5;
constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::string_view kColour = "#1f6f8b";

struct Point {
  double x = 0;
  double y = 0;
  double error = 0;
  std::string label = {};
};

struct Panel {
  std::string title = {};
  std::string unit = {};
  bool from_zero = false;
  std::vector<Point> points = {};
};

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // What XML forbids altogether.
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

// Values of an axis, and where they lie in the picture.
class Scale {
 public:
  // Rounded outwards to whole steps of 1, 2 or 5 times a power of ten.
  Scale(double low, double high, double from, double to) : from_(from), to_(to) {
    const double span = std::max(high - low, 1e-9 * std::max(std::abs(high), 1e-3));
    const double power = std::pow(10, std::floor(std::log10(span / kTicks)));
    step_ = power;
    for (const double times : {2.0, 5.0, 10.0})
      if (span / step_ > kTicks) step_ = power * times;
    low_ = std::floor(low / step_) * step_;
    high_ = std::ceil(high / step_) * step_;
    if (high_ <= low_) high_ = low_ + step_;
  }
  double At(double value) const { return from_ + (value - low_) / (high_ - low_) * (to_ - from_); }
  std::vector<double> Ticks() const {
    std::vector<double> ticks;
    const auto count = static_cast<int>(std::lround((high_ - low_) / step_));
    for (int i = 0; i <= count; ++i) ticks.push_back(low_ + i * step_);
    return ticks;
  }
  std::string Text(double value) const {
    const int decimals = std::clamp(static_cast<int>(-std::floor(std::log10(step_))), 0, 9);
    return fmt::format("{:.{}f}", value, decimals);
  }

 private:
  double from_;
  double to_;
  double step_ = 1;
  double low_ = 0;
  double high_ = 1;
};

Scale ScaleOf(const std::vector<Point>& points, double Point::* value, bool from_zero, double from,
              double to) {
  double low = points.front().*value;
  double high = low;
  const bool errors = value == &Point::y;
  for (const Point& point : points) {
    const double error = errors ? point.error : 0;
    low = std::min(low, point.*value - error);
    high = std::max(high, point.*value + error);
  }
  return Scale(from_zero ? 0 : low, high, from, to);
}

void AppendText(std::string& svg, double x, double y, std::string_view anchor,
                std::string_view text, std::string_view more = "") {
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, more, Escaped(text));
}

void AppendLine(std::string& svg, double x1, double y1, double x2, double y2,
                std::string_view colour) {
  svg +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n",
                  x1, y1, x2, y2, colour);
}

// `top` is where the panel begins.
void AppendPanel(std::string& svg, const Panel& panel, double top) {
  const double bottom = top + kPanelHeight - kBottom;
  const double right = kWidth - kRight;
  const Scale across = ScaleOf(panel.points, &Point::x, /*from_zero=*/true, kLeft, right);
  const Scale up = ScaleOf(panel.points, &Point::y, panel.from_zero, bottom, top + kTop);
  AppendText(svg, kLeft, top + kTop - 15, "start", panel.title, " font-weight=\"bold\"");
  for (const double tick : up.Ticks()) {
    AppendLine(svg, kLeft, up.At(tick), right, up.At(tick), "#ddd");
    AppendText(svg, kLeft - 8, up.At(tick) + 4, "end", up.Text(tick));
  }
  for (const double tick : across.Ticks()) {
    AppendLine(svg, across.At(tick), bottom, across.At(tick), bottom + 5, "#888");
    AppendText(svg, across.At(tick), bottom + 18, "middle", across.Text(tick));
  }
  AppendLine(svg, kLeft, bottom, right, bottom, "#888");
  AppendText(svg, (kLeft + right) / 2, bottom + 36, "middle", "size of the file, MiB");
  AppendText(svg, right + 12, bottom + 18, "start", panel.unit);
  for (const Point& point : panel.points) {
    const double x = across.At(point.x);
    const double y = up.At(point.y);
    if (point.error > 0) {
      AppendLine(svg, x, up.At(point.y - point.error), x, up.At(point.y + point.error), kColour);
    }
    svg +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x, y, kColour);
    AppendText(svg, x + 8, y - 6, "start", point.label);
  }
}

// Types tell models apart, unless two have the same.
std::string LabelOf(const QualityReport& report, const QualityRow& row) {
  const auto same = std::ranges::count(report.rows, row.type, &QualityRow::type);
  return same > 1 || row.type.empty() ? row.name : row.type;
}

using Figure = std::function<Point(const wire::TextQuality&)>;

Panel PanelOf(const QualityReport& report, Panel panel, const Figure& figure, size_t from) {
  for (size_t i = from; i < report.rows.size(); ++i) {
    const QualityRow& row = report.rows[i];
    Point point = figure(row.quality);
    point.x = static_cast<double>(row.size) / kMiB;
    point.label = LabelOf(report, row);
    panel.points.push_back(std::move(point));
  }
  return panel;
}

}  // namespace

std::string QualitySvg(const QualityReport& report) {
  std::vector<Panel> panels;
  panels.push_back(PanelOf(
      report, {.title = "Perplexity (less is better)", .unit = ""},
      [](const auto& quality) {
        return Point{.y = quality.perplexity, .error = quality.perplexity_error};
      },
      0));
  if (report.rows.size() > 1) {
    panels.push_back(PanelOf(
        report,
        {.title = fmt::format("KL divergence from {} (less is better)", report.rows.front().name),
         .unit = "nats",
         .from_zero = true},
        [](const auto& quality) {
          return Point{.y = quality.divergence, .error = quality.divergence_error};
        },
        1));
  }
  panels.push_back(PanelOf(
      report,
      {.title = "Decoding, one stream (more is better)", .unit = "tokens/s", .from_zero = true},
      [](const auto& quality) { return Point{.y = quality.decode_tokens_per_s}; }, 0));
  const double height = kPanelHeight * static_cast<double>(panels.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"12\" "
      "fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      kWidth, height);
  for (size_t i = 0; i < panels.size(); ++i)
    AppendPanel(svg, panels[i], kPanelHeight * static_cast<double>(i));
  return svg + "</svg>\n";
}

}  // namespace weir::cli
