# cmake -DOUTPUT=assets.c "-DFILES=a;b" -P assets.cmake: files as C arrays.
set(arrays "")
set(table "")
set(index 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char asset_${index}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", asset_${index}, sizeof(asset_${index})},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"monitor/pages/assets.h\"\n\n${arrays}
const struct trivet_asset trivet_assets[] = {\n${table}};
const size_t trivet_assets_count = ${index};\n")
