#include "kernels/preprocess/preprocess.h"

namespace sightline {

void FillYcc(YccMatrix matrix, YccRange range, float (&ycc)[3][4]) {
  const double red = matrix == YccMatrix::kBt601 ? 0.299 : 0.2126;
  const double blue = matrix == YccMatrix::kBt601 ? 0.114 : 0.0722;
  const double green = 1 - red - blue;
  const bool is_limited = range == YccRange::kLimited;
  const double luma = is_limited ? 255.0 / 219 : 1, black = is_limited ? 16 : 0;
  const double chroma = is_limited ? 255.0 / 224 : 1;
  const double from_cr = 2 * (1 - red) * chroma, from_cb = 2 * (1 - blue) * chroma;
  const double rows[3][2] = {{0, from_cr}, {-from_cb * blue / green, -from_cr * red / green}, {from_cb, 0}};
  for (int c = 0; c < 3; c++) {
    const double bias = -luma * black - 128 * (rows[c][0] + rows[c][1]);
    const double row[4] = {luma, rows[c][0], rows[c][1], bias};
    for (int k = 0; k < 4; k++) ycc[c][k] = static_cast<float>(row[k]);
  }
}

bool IsYcc(PixelFormat format) {
  return format == PixelFormat::kNv12 || format == PixelFormat::kI420 || format == PixelFormat::kYuyv;
}

size_t PlaneCount(PixelFormat format) {
  switch (format) {
    case PixelFormat::kNv12:
      return 2;
    case PixelFormat::kI420:
      return 3;
    default:
      return 1;
  }
}

size_t RowBytes(PixelFormat format, size_t index, size_t width) {
  const size_t pairs = (width + 1) / 2;
  switch (format) {
    case PixelFormat::kGray8:
      return width;
    case PixelFormat::kRgb24:
    case PixelFormat::kBgr24:
      return width * 3;
    case PixelFormat::kYuyv:
      return pairs * 4;
    case PixelFormat::kNv12:
      return index == 0 ? width : pairs * 2;
    case PixelFormat::kI420:
      return index == 0 ? width : pairs;
  }
  return 0;
}

size_t RowCount(PixelFormat, size_t index, size_t height) {
  return index == 0 ? height : (height + 1) / 2;
}

}  // namespace sightline
