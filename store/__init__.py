"""The memory: a workspace of Parquet and safetensors files, and DuckDB views over them."""
