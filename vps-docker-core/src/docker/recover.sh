# Stands between operation.sh and the script of an operation: first what others have left is put in order.
recover
recover_replacement
