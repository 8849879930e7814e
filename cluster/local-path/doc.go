// Package localpath is empty: go.mod names the program that is built from here.
package localpath
